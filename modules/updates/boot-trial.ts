/**
 * Boot trial of a new firmware: decides between validation and rollback. A firmware that is not validated in time
 * restarts, and the bootloader rolls it back.
 */

import type { Board, IO, Timer } from "../board/index.js";
import { messageOf } from "../errors/index.js";
import type { StoredRecord } from "../settings/index.js";
import type { Refusal } from "./refusal.js";
import { evaluate, type Rollback, type Trial, type UpdateRecord } from "./trial.js";

export interface BootTrialOptions {
  readonly board: Pick<Board, "clock" | "confirmUpdate" | "resetReason" | "log">;
  readonly record: StoredRecord<UpdateRecord>;
  readonly runningVersion: number;
  readonly host: BootTrialHost;
}

export interface BootTrialHost {
  /** Whether the radio runs and either the access point is open or a network is joined. */
  readonly isUp: boolean;
  /** Whether the station may restart: no session is under way or authorized. */
  readonly isFree: boolean;
  /** Reason why the broker is not reachable, if it is known. */
  readonly problem: string | undefined;
  /** Disconnects from the broker and restarts the board with this reason. */
  restart(reason: string): void;
  /** Notifies the owner of a validated or rolled-back firmware. The constructor may call it. */
  handleUpdateNews(message: string, outcome: "validated" | "rolled-back"): void;
}

export interface BootTrialListener {
  /** The new firmware is validated: it stays. */
  handleValidated(): void;
}

/** Time that a firmware pending verification has to reach the broker, ms. After it, the firmware is rolled back. */
export const VALIDATION_TIMEOUT_MS = 5 * 60_000;
/** Interval of the checks while validation is pending, ms. */
const CHECK_MS = 5000;

/** Validates a new firmware that works, and rolls back one that does not. */
export class BootTrial implements IO {
  private readonly _options: BootTrialOptions;
  private readonly _listener: BootTrialListener;
  private _record: UpdateRecord;
  private _trial: Trial | undefined;
  private _check: Timer | undefined;
  private _deadline: Timer | undefined;
  /** The deadline has passed, but a session is under way: the rollback follows its end. */
  private _isOverdue = false;
  /** The bootloader's refusal to mark the firmware as valid has been logged; it is logged once. */
  private _isRefusalLogged = false;

  constructor(options: BootTrialOptions, listener: BootTrialListener) {
    this._options = options;
    this._listener = listener;
    this._record = options.record.read() ?? {};
    const { board, runningVersion } = options;
    const outcome = evaluate(this._record, runningVersion, board.resetReason);
    switch (outcome.type) {
      case "none":
        break;
      case "validated":
        this._trial = this._record.trial;
        this._markValid(() => {});
        break;
      case "rolled-back":
        board.log(`update: version ${outcome.rollback.version} was rolled back: ${outcome.rollback.why}`);
        this._persist({ rollback: outcome.rollback });
        options.host.handleUpdateNews(
          `firmware ${outcome.rollback.version} was rolled back: ${outcome.rollback.why}`,
          "rolled-back",
        );
        break;
      case "trial":
        this._begin(outcome.trial, outcome.canRollBack);
        break;
    }
  }

  /** Whether the running firmware is pending verification. No further update may start meanwhile. */
  get isPendingVerification(): boolean {
    return this._trial !== undefined;
  }

  /** The latest rollback; `undefined` after another firmware is validated. */
  get rollback(): Rollback | undefined {
    return this._record.rollback;
  }

  /** Validates the running firmware: reaching the broker is sufficient proof. */
  handleBrokerReached(): void {
    if (this._trial) this._validate();
    else this._markValidInBootloader();
  }

  /** Performs an overdue rollback when the session has ended. */
  handleSessionChanged(): void {
    if (this._isOverdue && this._trial) this._rollBack();
  }

  /**
   * Records the trial of an image before the image becomes the next boot image. Returns a refusal if the record
   * cannot be written.
   */
  prepare(trial: Omit<Trial, "stage">): Refusal | undefined {
    if (this._persist({ ...this._record, trial: { ...trial, stage: "installed" } })) return undefined;
    return { code: "flash", message: "the storage is full; a rollback could not be recorded" };
  }

  /** Removes the trial that `prepare` recorded. Call it when the image has not become the next boot image. */
  cancel(): void {
    this._persist({ rollback: this._record.rollback });
  }

  close(): void {
    const { clock } = this._options.board;
    clock.clear(this._check);
    clock.clear(this._deadline);
  }

  private _begin(trial: Trial, canRollBack: boolean): void {
    const { board } = this._options;
    board.log(
      `update: version ${trial.to} is pending verification; without validation it is rolled back after 5 minutes`,
    );
    this._trial = { ...trial, stage: "started" };
    this._persist({ ...this._record, trial: this._trial });
    if (!trial.hadBroker) {
      this._check = board.clock.repeat(() => {
        if (this._options.host.isUp) this._validate();
      }, CHECK_MS);
    }
    // Without rollback in the bootloader, a restart would only start the same firmware again.
    if (canRollBack) this._deadline = board.clock.set(() => this._rollBack(), VALIDATION_TIMEOUT_MS);
  }

  private _validate(): void {
    const { trial } = this._record;
    if (trial) this._persist({ ...this._record, trial: { ...trial, stage: "confirmed" } });
    this._markValid(() => {
      this._options.board.log("update: the new firmware is validated");
      this._listener.handleValidated();
      this._options.host.handleUpdateNews(`firmware ${this._options.runningVersion} runs`, "validated");
    });
  }

  /**
   * Marks the validated firmware as valid in the bootloader; retries until this succeeds. The record stores the stage
   * `confirmed` before this and is cleared after it, so that a power cut in between leaves no doubt.
   */
  private _markValid(onDone: () => void): void {
    const { board } = this._options;
    const problem = this._markValidInBootloader();
    this.close();
    if (problem === undefined) {
      this._trial = undefined;
      this._persist({});
      onDone();
    } else {
      if (!this._isRefusalLogged)
        board.log(`update: the bootloader could not mark the new firmware as valid: ${problem}`);
      this._isRefusalLogged = true;
      this._check = board.clock.set(() => this._markValid(onDone), CHECK_MS);
    }
  }

  /** Marks the running firmware as valid in the bootloader; no effect without a trial. Returns the error, if any. */
  private _markValidInBootloader(): string | undefined {
    try {
      this._options.board.confirmUpdate();
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  private _rollBack(): void {
    this._isOverdue = !this._options.host.isFree;
    if (this._isOverdue) return;
    if (this._trial) this._persist({ ...this._record, trial: { ...this._trial, hasGivenUp: true } });
    const { problem } = this._options.host;
    const why = problem === undefined ? "" : `: ${problem}`;
    this._options.host.restart(`the new firmware did not reach the broker within 5 minutes${why}`);
  }

  /** Writes the record. Returns `false` when it cannot be written. */
  private _persist(record: UpdateRecord): boolean {
    this._record = record;
    const problem = this._options.record.tryWrite(record);
    if (problem !== undefined) this._options.board.log(`update: not stored: ${problem}`);
    return problem === undefined;
  }
}
