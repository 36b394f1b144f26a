import type { Clock } from "../board/index.js";

/** First pause, ms. Each further failure doubles it. */
const FIRST_PAUSE_MS = 5000;
/** Longest pause, ms. */
const MAX_PAUSE_MS = 5 * 60_000;
/** Time without a failure after which the row of failures is forgotten, ms. */
const FORGET_MS = 60 * 60_000;

/**
 * Pauses after many failures in a row: 5 s after `allowed` failures, and twice as long after each further one, up to
 * 5 min. Within 14 min there are at most 7 failures more than the allowed ones, and then 12 in an hour.
 */
export class GrowingPause {
  private readonly _clock: Pick<Clock, "monotonicMs">;
  private readonly _allowed: number;
  private _count = 0;
  private _lastMs = 0;

  constructor(options: { clock: Pick<Clock, "monotonicMs">; allowed: number }) {
    this._clock = options.clock;
    this._allowed = options.allowed;
  }

  /** Whether the failures in a row are as many as allowed, or more. */
  get isReached(): boolean {
    return this._count >= this._allowed;
  }

  get isPaused(): boolean {
    if (!this.isReached) return false;
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this._count - this._allowed));
    return this._clock.monotonicMs() - this._lastMs < pauseMs;
  }

  fail(): void {
    const nowMs = this._clock.monotonicMs();
    this._count = nowMs - this._lastMs < FORGET_MS ? this._count + 1 : 1;
    this._lastMs = nowMs;
  }
}
