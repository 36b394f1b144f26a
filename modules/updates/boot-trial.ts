/** Where a rollback is decided: a new firmware that does not prove itself in time restarts, and the bootloader does the rest. */

import type { Board, IO, Timer } from "../board/index.js";
import type { StoredRecord } from "../settings/index.js";
import type { Refusal } from "./refusal.js";
import { evaluate, type Rollback, type Trial, type UpdateRecord } from "./trial.js";

export interface BootTrialOptions {
  readonly board: Pick<Board, "clock" | "confirmUpdate" | "resetReason" | "log">;
  readonly record: StoredRecord<UpdateRecord>;
  readonly runningVersion: number;
  /** The radio is up, and so is the station's own network or the one it has joined. */
  readonly isUp: () => boolean;
  /** No session is under way: the station may restart. */
  readonly isFree: () => boolean;
  /** What keeps it from the broker, if that is known. */
  readonly problem: () => string | undefined;
  readonly restart: (reason: string) => void;
  /** The firmware stays. */
  readonly onConfirmed: () => void;
  /** What people want to know: firmware that runs from now on, or that was taken back. */
  readonly onNews?: (message: string, outcome: "confirmed" | "rolled-back") => void;
}

/** In which a new firmware has to prove itself. */
export const CONFIRM_WITHIN_MS = 5 * 60_000;
const LOOK_MS = 5000;

/** Keeps a new firmware that has proven itself, and lets go of one that has not. */
export class BootTrial implements IO {
  private _options: BootTrialOptions;
  private _record: UpdateRecord;
  private _trial: Trial | undefined;
  private _look: Timer | undefined;
  private _deadline: Timer | undefined;
  /** Its time is over, and a session is under way. */
  private _isOverdue = false;
  /** The bootloader does not take it in. */
  private _isRefused = false;

  constructor(options: BootTrialOptions) {
    this._options = options;
    this._record = options.record.read() ?? {};
    const { board, runningVersion } = options;
    const verdict = evaluate(this._record, runningVersion, board.resetReason);
    switch (verdict.type) {
      case "none":
        break;
      case "confirmed":
        this._trial = this._record.trial;
        this._settle(() => {});
        break;
      case "rolled-back":
        board.log(`update: version ${verdict.rollback.version} was rolled back: ${verdict.rollback.why}`);
        this._keep({ rollback: verdict.rollback });
        options.onNews?.(
          `firmware ${verdict.rollback.version} was taken back: ${verdict.rollback.why}`,
          "rolled-back",
        );
        break;
      case "trial":
        this._begin(verdict.trial, verdict.hasWayBack);
        break;
    }
  }

  /** This firmware is new, and not confirmed: no further update may begin. */
  get isOnTrial(): boolean {
    return this._trial !== undefined;
  }

  /** The latest update that was taken back, until another has proven itself. */
  get rollback(): Rollback | undefined {
    return this._record.rollback;
  }

  /** The broker was reached: any firmware has proven itself by that. */
  handleBrokerReached(): void {
    if (this._trial) this._confirm();
    else this._tellBootloader();
  }

  /** A session may have ended. */
  handleSessionChanged(): void {
    if (this._isOverdue && this._trial) this._giveUp();
  }

  /** An image is about to become what starts next. Gives why it may not, if it may not. */
  prepare(trial: Omit<Trial, "stage">): Refusal | undefined {
    if (this._keep({ ...this._record, trial: { ...trial, stage: "installed" } })) return undefined;
    return { code: "flash", message: "the storage is full: nobody would know of a rollback" };
  }

  /** It has not become that. */
  withdraw(): void {
    this._keep({ rollback: this._record.rollback });
  }

  close(): void {
    const { clock } = this._options.board;
    clock.clear(this._look);
    clock.clear(this._deadline);
  }

  private _begin(trial: Trial, hasWayBack: boolean): void {
    const { board } = this._options;
    board.log(`update: version ${trial.to} is new; it has 5 minutes to prove itself`);
    this._trial = { ...trial, stage: "started" };
    this._keep({ ...this._record, trial: this._trial });
    if (!trial.hadBroker) {
      this._look = board.clock.repeat(() => {
        if (this._options.isUp()) this._confirm();
      }, LOOK_MS);
    }
    // Where the bootloader takes nothing back, restarting helps nobody.
    if (hasWayBack) this._deadline = board.clock.set(() => this._giveUp(), CONFIRM_WITHIN_MS);
  }

  private _confirm(): void {
    const { trial } = this._record;
    if (trial) this._keep({ ...this._record, trial: { ...trial, stage: "confirmed" } });
    this._settle(() => {
      this._options.board.log("update: the new firmware is confirmed");
      this._options.onConfirmed();
      this._options.onNews?.(`firmware ${this._options.runningVersion} runs`, "confirmed");
    });
  }

  /**
   * Proven it is; what is left is that the bootloader knows. The record comes first to say so, and last to be
   * forgotten: a power cut between leaves no doubt.
   */
  private _settle(onKept: () => void): void {
    const { board } = this._options;
    const problem = this._tellBootloader();
    this.close();
    if (problem === undefined) {
      this._trial = undefined;
      this._keep({});
      onKept();
    } else {
      if (!this._isRefused)
        board.log(`update: the bootloader was not told that the new firmware stays: ${problem}`);
      this._isRefused = true;
      this._look = board.clock.set(() => this._settle(onKept), LOOK_MS);
    }
  }

  /** Gives why it could not be told, if it could not. Where nothing is on trial it need not be. */
  private _tellBootloader(): string | undefined {
    try {
      this._options.board.confirmUpdate();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : "unknown";
    }
  }

  private _giveUp(): void {
    this._isOverdue = !this._options.isFree();
    if (this._isOverdue) return;
    if (this._trial) this._keep({ ...this._record, trial: { ...this._trial, hasGivenUp: true } });
    const problem = this._options.problem();
    const why = problem === undefined ? "" : `: ${problem}`;
    this._options.restart(`the new firmware did not reach the broker within 5 minutes${why}`);
  }

  /** `false` when it cannot be written. */
  private _keep(record: UpdateRecord): boolean {
    this._record = record;
    try {
      this._options.record.write(record);
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : "unknown";
      this._options.board.log(`update: not stored: ${why}`);
      return false;
    }
  }
}
