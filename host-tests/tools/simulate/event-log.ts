import type { Clock } from "../../../modules/board/index.js";

/** Lines that are kept; of a week only what came last is of use. */
const MAX_LINES = 400;
const SHOWN_LINES = 60;
const MS_PER_MINUTE = 60_000;

/** What happened in a café, as whoever stood there saw it; and what should not have. */
export class EventLog {
  readonly violations: string[] = [];
  /** How often each kind of thing has happened. */
  readonly counts: Record<string, number> = {};
  #clock: Clock;
  #lines: string[] = [];

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

  note(line: string): void {
    this.#lines.push(`${this.#now()}  ${line}`);
    if (this.#lines.length > MAX_LINES) this.#lines.splice(0, MAX_LINES - SHOWN_LINES);
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** An invariant does not hold. The week ends with the step that it is in. */
  reportViolation(what: string): void {
    this.note(`VIOLATION: ${what}`);
    this.violations.push(`${this.#now()}  ${what}`);
  }

  /** `day 3 14:05:09.120`, by the monotonic clock. */
  #now(): string {
    const ms = this.#clock.monotonicMs();
    const minutes = Math.floor(ms / MS_PER_MINUTE);
    const two = (value: number) => String(value).padStart(2, "0");
    const seconds = ((ms % MS_PER_MINUTE) / 1000).toFixed(3).padStart(6, "0");
    return `day ${1 + Math.floor(minutes / 1440)} ${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}:${seconds}`;
  }
}
