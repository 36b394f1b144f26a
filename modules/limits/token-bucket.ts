import type { Clock } from "../board/index.js";

/** Token bucket: `capacity` tokens, one of which returns every `refillMs`. */
export class TokenBucket {
  private readonly _clock: Pick<Clock, "monotonicMs">;
  private readonly _capacity: number;
  private readonly _refillMs: number;
  /** Time at which the bucket is full again, ms of the monotonic clock. */
  private _fullAtMs = 0;

  constructor(options: { clock: Pick<Clock, "monotonicMs">; capacity: number; refillMs: number }) {
    this._clock = options.clock;
    this._capacity = options.capacity;
    this._refillMs = options.refillMs;
  }

  /** Number of tokens that were taken and have not returned yet. */
  get taken(): number {
    return Math.max(0, Math.ceil((this._fullAtMs - this._clock.monotonicMs()) / this._refillMs));
  }

  get isEmpty(): boolean {
    return this.taken >= this._capacity;
  }

  take(): void {
    this._fullAtMs = Math.max(this._fullAtMs, this._clock.monotonicMs()) + this._refillMs;
  }
}
