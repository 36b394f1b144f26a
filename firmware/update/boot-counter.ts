import type { Board, ResetReason } from "../../modules/board/index.js";
import { numberField } from "../../modules/json/index.js";
import type { RecordFormat, StoredRecord } from "../../modules/settings/index.js";

/** Counts of resets and of crashes, which are stored. */
export interface RestartCounts {
  /** Restarts and crashes since the flash was erased; power cycles do not count. */
  readonly count: number;
  /** Crashes within `QUICK_MS` of the start since the last successful run. A requested restart does not reset it. */
  readonly quick: number;
}

/** Minimum duration of a run that counts as successful, ms. It resets the boot-loop counter. */
export const QUICK_MS = 2 * 60_000;
/** Number of quick crashes in a row after which the next run is safe mode. */
export const SAFE_MODE_AFTER = 3;
/** Boot-loop counter of a normal start on probation, after safe mode: one quick crash leads to safe mode again. */
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

/** Returns the counts at the start of a run, from the stored counts and the reset reason. */
export function countRestart(before: RestartCounts, resetReason: ResetReason): RestartCounts {
  switch (resetReason.type) {
    case "power":
      // A person who cycles the power requests a normal start. A brownout counts as loss of power, too.
      return { count: before.count, quick: 0 };
    case "restart":
      return { count: before.count + 1, quick: before.quick };
    case "crash":
      return { count: before.count + 1, quick: before.quick + 1 };
  }
}

/** Counts resets and crashes in the storage. A write that fails is logged: a broken flash does not prevent a start. */
export class BootCounter {
  readonly resetReason: ResetReason;
  private readonly _board: Board;
  private readonly _record: StoredRecord<RestartCounts>;
  private _counts: RestartCounts;

  constructor({ board, record }: { board: Board; record: StoredRecord<RestartCounts> }) {
    this._board = board;
    this._record = record;
    this.resetReason = board.resetReason;
    const before = record.read() ?? { count: 0, quick: 0 };
    this._counts = countRestart(before, board.resetReason);
    if (this._counts.count !== before.count || this._counts.quick !== before.quick) this._persist();
    const { quick } = this._counts;
    if (quick > 0 && !this.needsSafeMode)
      board.log(`restarts: quick crash ${quick}; safe mode starts at ${SAFE_MODE_AFTER}`);
    board.clock.set(() => this._setQuick(0), QUICK_MS);
  }

  get count(): number {
    return this._counts.count;
  }

  /** Reset reason for people: `power`, or the type with its reason. */
  get resetText(): string {
    const { type } = this.resetReason;
    return type === "power" ? type : `${type}: ${this.resetReason.reason}`;
  }

  get needsSafeMode(): boolean {
    return this._counts.quick >= SAFE_MODE_AFTER;
  }

  /** Makes the next run a normal start on probation: a quick crash of it leads back to safe mode. */
  giveAnotherTry(): void {
    this._setQuick(ON_PROBATION);
  }

  private _setQuick(quick: number): void {
    if (quick === this._counts.quick) return;
    this._counts = { ...this._counts, quick };
    this._persist();
  }

  private _persist(): void {
    const problem = this._record.tryWrite(this._counts);
    if (problem !== undefined) this._board.log(`restarts: the count is not stored: ${problem}`);
  }
}
