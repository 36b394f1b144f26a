import type { Clock } from "../../../modules/board/index.js";

/** Maximum number of lines kept. Only the end of a week is of use. */
const MAX_LINES = 400;
const SHOWN_LINES = 60;
const MS_PER_MINUTE = 60_000;

/** Event log of a simulated week, with the violated invariants. */
export class EventLog {
  readonly violations: string[] = [];
  /** Number of occurrences by kind of event. */
  readonly counts: Record<string, number> = {};
  readonly #clock: Clock;
  readonly #lines: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isClean(): boolean {
    return this.violations.length === 0;
  }

  /** The latest lines. */
  get lines(): readonly string[] {
    return this.#lines.slice(-SHOWN_LINES);
  }

  record(line: string): void {
    this.#lines.push(`${this.#now()}  ${line}`);
    if (this.#lines.length > MAX_LINES) this.#lines.splice(0, MAX_LINES - SHOWN_LINES);
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Records a violated invariant. The week ends with the current step. */
  reportViolation(what: string): void {
    this.record(`VIOLATION: ${what}`);
    this.violations.push(`${this.#now()}  ${what}`);
  }

  /** Time by the monotonic clock: `day 3 14:05:09.120`. */
  #now(): string {
    const ms = this.#clock.monotonicMs();
    const minutes = Math.floor(ms / MS_PER_MINUTE);
    const two = (value: number) => String(value).padStart(2, "0");
    const seconds = ((ms % MS_PER_MINUTE) / 1000).toFixed(3).padStart(6, "0");
    return `day ${1 + Math.floor(minutes / 1440)} ${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}:${seconds}`;
  }
}
