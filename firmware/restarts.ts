import type { Board, LastEnd } from "../modules/board/index.js";
import { numberField } from "../modules/json/index.js";
import type { RecordFormat, StoredRecord } from "../modules/settings/index.js";

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
export const RESCUE_AFTER = 3;
/** One more quick crash, and it is a rescue again. */
const ON_PROBATION = RESCUE_AFTER - 1;

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
export function countRestart(before: RestartCounts, lastEnd: LastEnd): RestartCounts {
  switch (lastEnd.type) {
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
export class Restarts {
  readonly lastEnd: LastEnd;
  #board: Board;
  #record: StoredRecord<RestartCounts>;
  #counts: RestartCounts;

  constructor({ board, record }: { board: Board; record: StoredRecord<RestartCounts> }) {
    this.#board = board;
    this.#record = record;
    this.lastEnd = board.lastEnd;
    const before = record.read() ?? { count: 0, quick: 0 };
    this.#counts = countRestart(before, board.lastEnd);
    if (this.#counts.count !== before.count || this.#counts.quick !== before.quick) this.#keep();
    board.clock.set(() => this.#setQuick(0), QUICK_MS);
  }

  get count(): number {
    return this.#counts.count;
  }

  get needsRescue(): boolean {
    return this.#counts.quick >= RESCUE_AFTER;
  }

  /** The next run is a usual one; a quick crash of it leads back here. */
  giveAnotherTry(): void {
    this.#setQuick(ON_PROBATION);
  }

  #setQuick(quick: number): void {
    if (quick === this.#counts.quick) return;
    this.#counts = { ...this.#counts, quick };
    this.#keep();
  }

  #keep(): void {
    try {
      this.#record.write(this.#counts);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#board.log(`restarts: not counted: ${error.message}`);
    }
  }
}
