import type { Board, ResetReason } from "../../modules/board/index.js";
import { numberField } from "../../modules/json/index.js";
import type { RecordFormat, StoredRecord } from "../../modules/settings/index.js";

/** How the runs of the firmware have ended. */
export interface RestartCounts {
  /** Restarts that were not the power's, since the flash was erased. */
  readonly count: number;
  /** The latest crashes, each within `QUICK_MS` of its start. */
  readonly quick: number;
}

/** A run of this length has worked. */
export const QUICK_MS = 2 * 60_000;
/** As many quick crashes in a row, and the next run is a rescue. */
export const SAFE_MODE_AFTER = 3;
/** One more quick crash, and it is a rescue again. */
const ON_PROBATION = SAFE_MODE_AFTER - 1;

const MAX_COUNT = 2 ** 31;

export const restartsFormat: RecordFormat<RestartCounts> = {
  key: "restarts",
  version: 1,
  parse(fields) {
    const range = { min: 0, max: MAX_COUNT };
    const count = numberField(fields, "count", range);
    const quick = numberField(fields, "quick", range);
    return count === undefined || quick === undefined ? undefined : { count, quick };
  },
  format: ({ count, quick }) => ({ count, quick }),
};

/** The counts at the start of a run, of those that the run before has left. */
export function countRestart(before: RestartCounts, resetReason: ResetReason): RestartCounts {
  switch (resetReason.type) {
    case "power":
      // Somebody who takes the power away and gives it back wants another try.
      return { count: before.count, quick: 0 };
    case "restart":
      return { count: before.count + 1, quick: before.quick };
    case "crash":
      return { count: before.count + 1, quick: before.quick + 1 };
  }
}

/**
 * Counts how runs end, in the storage. A broken flash keeps nobody from starting: what cannot be written is logged.
 */
export class BootCounter {
  readonly resetReason: ResetReason;
  private _board: Board;
  private _record: StoredRecord<RestartCounts>;
  private _counts: RestartCounts;

  constructor({ board, record }: { board: Board; record: StoredRecord<RestartCounts> }) {
    this._board = board;
    this._record = record;
    this.resetReason = board.resetReason;
    const before = record.read() ?? { count: 0, quick: 0 };
    this._counts = countRestart(before, board.resetReason);
    if (this._counts.count !== before.count || this._counts.quick !== before.quick) this._keep();
    board.clock.set(() => this._setQuick(0), QUICK_MS);
  }

  get count(): number {
    return this._counts.count;
  }

  /** How the previous run ended: `power`, or the type with its reason. */
  get resetText(): string {
    const { type } = this.resetReason;
    return type === "power" ? type : `${type}: ${this.resetReason.reason}`;
  }

  get needsSafeMode(): boolean {
    return this._counts.quick >= SAFE_MODE_AFTER;
  }

  /** The next run is a usual one; a quick crash of it leads back here. */
  giveAnotherTry(): void {
    this._setQuick(ON_PROBATION);
  }

  private _setQuick(quick: number): void {
    if (quick === this._counts.quick) return;
    this._counts = { ...this._counts, quick };
    this._keep();
  }

  private _keep(): void {
    try {
      this._record.write(this._counts);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this._board.log(`restarts: not counted: ${error.message}`);
    }
  }
}
