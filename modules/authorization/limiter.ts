import type { Clock } from "../board/index.js";

/** At most `count` attempts in any `windowMs`. Holds at most `count` moments. */
export class AttemptLimiter {
  #clock: Clock;
  #count: number;
  #windowMs: number;
  #moments: number[] = [];

  constructor(options: { clock: Clock; count: number; windowMs: number }) {
    this.#clock = options.clock;
    this.#count = options.count;
    this.#windowMs = options.windowMs;
  }

  /** Counts an attempt, or says `false` and counts nothing. */
  take(): boolean {
    const now = this.#clock.monotonicMs();
    this.#moments = this.#moments.filter((moment) => now - moment < this.#windowMs);
    if (this.#moments.length >= this.#count) return false;
    this.#moments.push(now);
    return true;
  }
}
