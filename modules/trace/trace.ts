import type { Board } from "../board/index.js";

/** Numbers of the events. Their names are those of the wire; docs/protocol.md says what each one means. */
const EVENTS = Object.freeze({
  lifeCycle: 0,
  linkUp: 1,
  linkFailed: 2,
  connected: 3,
  connectionFailed: 4,
  subscriptionRefused: 5,
  requestFailed: 6,
  lateAnswer: 7,
  invalidAnswer: 8,
  messageSkipped: 9,
  commandIgnored: 10,
  packetDropped: 11,
  cardRefused: 12,
  status: 13,
  fault: 14,
  update: 15,
  guard: 16,
  stopIgnored: 17,
});

export type TraceEvent = keyof typeof EVENTS;

/** A number, or a code that is a literal in the source. A text from outside, such as a tag, does not compile. */
export type TraceDetail<Detail> = Detail & (string extends Detail ? never : unknown);

/** The trace, as the parts that add events see it. */
export interface TraceSink {
  add<Detail extends string | number>(event: TraceEvent, detail?: TraceDetail<Detail>): void;
}

/** Time of the first occurrence, s since the start; event; detail; number of occurrences in a row. */
type Row = readonly [second: number | undefined, event: string | undefined, detail: unknown, count: number];

/** The trace as JSON, for people. */
export type TraceReport = {
  /** Time since the start of this run. */
  readonly uptimeMs: number;
  /** Milliseconds since 1970-01-01 UTC at `uptimeMs`; `null` while the time is not known. */
  readonly timeMs: number | null;
  /** Number of events of this run by name, without those that have not happened. */
  readonly counters: Readonly<Record<string, number>>;
  /** The start with its reset reason, then the latest events, oldest first. */
  readonly events: readonly Row[];
};

/** Names of the events by their number. */
export const TRACE_EVENTS = Object.freeze(Object.keys(EVENTS));
/** Number of rows in memory. A report has less than 2.5 KiB. */
const ROWS = 32;
/** Columns: event; time of its first occurrence, s; number of occurrences. Behind them are the counters by event. */
const SECONDS = ROWS;
const COUNTS = 2 * ROWS;
const COUNTERS = 3 * ROWS;

/**
 * Ring of the latest events, and a counter of each kind of event. An event that repeats itself takes one row, so that
 * the outage of a night does not overwrite its cause. Adding an event allocates nothing.
 */
export class Trace implements TraceSink {
  private readonly _board: Pick<Board, "clock" | "resetReason">;
  private readonly _numbers = new Uint32Array(COUNTERS + TRACE_EVENTS.length);
  /** Details by row. */
  private readonly _details: unknown[] = new Array(ROWS).fill(undefined);
  /** The latest row. */
  private _row = 0;

  constructor(board: Pick<Board, "clock" | "resetReason">) {
    this._board = board;
  }

  add<Detail extends string | number>(event: TraceEvent, detail?: TraceDetail<Detail>): void {
    const numbers = this._numbers;
    const details = this._details;
    const code = EVENTS[event];
    let row = this._row;
    (numbers[COUNTERS + code] as number)++;
    if (numbers[row] === code && details[row] === detail) {
      (numbers[COUNTS + row] as number)++;
      return;
    }
    row = (row + 1) % ROWS;
    this._row = row;
    numbers[row] = code;
    numbers[SECONDS + row] = this._board.clock.monotonicMs() / 1000;
    numbers[COUNTS + row] = 1;
    details[row] = detail;
  }

  /** Forgets all events and counters when the owner changes. */
  clear(): void {
    this._numbers.fill(0);
    this._details.fill(undefined);
  }

  report(): TraceReport {
    const { _numbers: numbers, _row: latest } = this;
    const { clock, resetReason } = this._board;
    const counters: Record<string, number> = {};
    TRACE_EVENTS.forEach((name, code) => {
      const count = numbers[COUNTERS + code];
      if (count) counters[name] = count;
    });
    const events: Row[] = [[0, "started", resetReason.type, 1]];
    let row = latest;
    do {
      row = (row + 1) % ROWS;
      const count = numbers[COUNTS + row];
      if (count)
        events.push([numbers[SECONDS + row], TRACE_EVENTS[numbers[row] ?? 0], this._details[row], count]);
    } while (row !== latest);
    return { uptimeMs: clock.monotonicMs(), timeMs: clock.epochMs() ?? null, counters, events };
  }
}
