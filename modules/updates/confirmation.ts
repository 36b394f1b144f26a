/** Where a rollback is decided: a new firmware that does not prove itself in time restarts, and the bootloader does the rest. */

import type { Board, IO, Timer } from "../board/index.js";
import type { StoredRecord } from "../settings/index.js";
import type { Refusal } from "./refusal.js";
import { judge, type Rollback, type Trial, type UpdateRecord } from "./trial.js";

export interface ConfirmationOptions {
  readonly board: Pick<Board, "clock" | "confirmUpdate" | "lastEnd" | "log">;
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
}

/** In which a new firmware has to prove itself. */
export const CONFIRM_WITHIN_MS = 5 * 60_000;
const LOOK_MS = 5000;

/** Keeps a new firmware that has proven itself, and lets go of one that has not. */
export class Confirmation implements IO {
  #options: ConfirmationOptions;
  #record: UpdateRecord;
  #trial: Trial | undefined;
  #look: Timer | undefined;
  #deadline: Timer | undefined;
  /** Its time is over, and a session is under way. */
  #isOverdue = false;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
    this.#record = options.record.read() ?? {};
    const { board, runningVersion } = options;
    const verdict = judge(this.#record, runningVersion, board.lastEnd);
    switch (verdict.type) {
      case "none":
        break;
      case "confirmed":
        this.#keepFirmware();
        break;
      case "rolled-back":
        board.log(`update: version ${verdict.rollback.version} was rolled back: ${verdict.rollback.why}`);
        this.#keep({ rollback: verdict.rollback });
        break;
      case "trial":
        this.#begin(verdict.trial, verdict.hasWayBack);
        break;
    }
  }

  /** This firmware is new, and not confirmed: no further update may begin. */
  get isOnTrial(): boolean {
    return this.#trial !== undefined;
  }

  /** The latest update that was taken back, until another has proven itself. */
  get rollback(): Rollback | undefined {
    return this.#record.rollback;
  }

  /** The broker was reached: any firmware has proven itself by that. */
  followBroker(): void {
    if (this.#trial) this.#confirm();
    else this.#options.board.confirmUpdate();
  }

  /** A session may have ended. */
  followSession(): void {
    if (this.#isOverdue && this.#trial) this.#giveUp();
  }

  /** An image is about to become what starts next. Gives why it may not, if it may not. */
  prepare(trial: Omit<Trial, "stage">): Refusal | undefined {
    if (this.#keep({ ...this.#record, trial: { ...trial, stage: "installed" } })) return undefined;
    return { code: "flash", message: "the storage is full: nobody would know of a rollback" };
  }

  /** It has not become that. */
  withdraw(): void {
    this.#keep({ rollback: this.#record.rollback });
  }

  close(): void {
    const { clock } = this.#options.board;
    clock.clear(this.#look);
    clock.clear(this.#deadline);
  }

  #begin(trial: Trial, hasWayBack: boolean): void {
    const { board } = this.#options;
    board.log(`update: version ${trial.to} is new; it has 5 minutes to prove itself`);
    this.#trial = { ...trial, stage: "started" };
    this.#keep({ ...this.#record, trial: this.#trial });
    if (!trial.hadBroker) {
      this.#look = board.clock.repeat(() => {
        if (this.#options.isUp()) this.#confirm();
      }, LOOK_MS);
    }
    // Where the bootloader takes nothing back, restarting helps nobody.
    if (hasWayBack) this.#deadline = board.clock.set(() => this.#giveUp(), CONFIRM_WITHIN_MS);
  }

  #confirm(): void {
    const { trial } = this.#record;
    if (trial) this.#keep({ ...this.#record, trial: { ...trial, stage: "confirmed" } });
    this.#keepFirmware();
    this.#options.board.log("update: the new firmware is confirmed");
    this.#options.onConfirmed();
  }

  /** The record comes first to say so, and last to be forgotten: a power cut between leaves no doubt. */
  #keepFirmware(): void {
    this.close();
    this.#trial = undefined;
    this.#options.board.confirmUpdate();
    this.#keep({});
  }

  #giveUp(): void {
    this.#isOverdue = !this.#options.isFree();
    if (this.#isOverdue) return;
    const problem = this.#options.problem();
    const why = problem === undefined ? "" : `: ${problem}`;
    this.#options.restart(`the new firmware did not reach the broker within 5 minutes${why}`);
  }

  /** `false` when it cannot be written. */
  #keep(record: UpdateRecord): boolean {
    this.#record = record;
    try {
      this.#options.record.write(record);
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : "unknown";
      this.#options.board.log(`update: not stored: ${why}`);
      return false;
    }
  }
}
