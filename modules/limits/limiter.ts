import type { Clock } from "../board/index.js";

/** Rate limiter: at most `count` attempts in any window of `windowMs`. Stores at most `count` timestamps. */
export class AttemptLimiter {
  private readonly _clock: Clock;
  private readonly _count: number;
  private readonly _windowMs: number;
  private _timestampsMs: number[] = [];

  constructor(options: { clock: Clock; count: number; windowMs: number }) {
    this._clock = options.clock;
    this._count = options.count;
    this._windowMs = options.windowMs;
  }

  /** Counts an attempt and returns `true`; returns `false` without counting when the limit is reached. */
  take(): boolean {
    if (this.waitMs > 0) return false;
    this._timestampsMs.push(this._clock.monotonicMs());
    return true;
  }

  /** Time until the next attempt is possible, ms; 0: now. */
  get waitMs(): number {
    const nowMs = this._clock.monotonicMs();
    this._timestampsMs = this._timestampsMs.filter((timestampMs) => nowMs - timestampMs < this._windowMs);
    if (this._timestampsMs.length < this._count) return 0;
    // At least 1 ms: a rounding error as a delay would not move the clock.
    return Math.max(1, this._windowMs - (nowMs - (this._timestampsMs[0] ?? nowMs)));
  }
}
