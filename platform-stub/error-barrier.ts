/** Minimum interval between two reports of the same failure, ms. */
const REPORT_INTERVAL_MS = 10 * 60_000;

/** Contains failures, such as a full disk or a busy database, so that they do not end the platform and its broker. */
export class ErrorBarrier {
  readonly #report: (why: string) => void;
  readonly #now: () => number;
  /** Time of the last report, by its text. */
  readonly #reportedMs = new Map<string, number>();

  constructor(report: (why: string) => void = () => {}, now: () => number = Date.now) {
    this.#report = report;
    this.#now = now;
  }

  /** Runs work and returns its result. A failure is reported and returns `undefined`. */
  run<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#reportOnce(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #reportOnce(why: string): void {
    const now = this.#now();
    for (const [text, atMs] of this.#reportedMs) {
      if (now - atMs >= REPORT_INTERVAL_MS) this.#reportedMs.delete(text);
    }
    if (this.#reportedMs.has(why)) return;
    this.#reportedMs.set(why, now);
    this.#report(why);
  }
}
