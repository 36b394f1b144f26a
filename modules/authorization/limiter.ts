import type { Clock } from "../board/index.js";

/** At most `count` attempts in any `windowMs`. Holds at most `count` moments. */
export class AttemptLimiter {
  private _clock: Clock;
  private _count: number;
  private _windowMs: number;
  private _moments: number[] = [];

  constructor(options: { clock: Clock; count: number; windowMs: number }) {
    this._clock = options.clock;
    this._count = options.count;
    this._windowMs = options.windowMs;
  }

  /** Counts an attempt, or says `false` and counts nothing. */
  take(): boolean {
    const now = this._clock.monotonicMs();
    this._moments = this._moments.filter((moment) => now - moment < this._windowMs);
    if (this._moments.length >= this._count) return false;
    this._moments.push(now);
    return true;
  }
}
