/** Exponential delays between retries, with jitter from the board's random numbers. */

import type { Crypto } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";

export interface BackoffOptions {
  /** Shortest delay, ms. */
  readonly minMs: number;
  /** Longest delay, ms. */
  readonly maxMs: number;
  /** Source of the jitter. */
  readonly crypto: Pick<Crypto, "random">;
}

/**
 * Calculates the delay before each retry. After n consecutive failures the delay is random between 1 and 2 times
 * `minMs` x 2^(n-1), and at most `maxMs`. The jitter spreads the retries of many stations.
 */
export class Backoff {
  private readonly _minMs: number;
  private readonly _maxMs: number;
  private readonly _crypto: Pick<Crypto, "random">;
  private _failures = 0;

  constructor({ minMs, maxMs, crypto }: BackoffOptions) {
    this._minMs = minMs;
    this._maxMs = maxMs;
    this._crypto = crypto;
  }

  /** Counts a failure and returns the delay before the next try, in whole milliseconds. */
  next(): number {
    const { _minMs: minMs, _maxMs: maxMs } = this;
    const ceilingMs = Math.min(maxMs, 2 * minMs * 2 ** this._failures);
    if (ceilingMs < maxMs) this._failures++;
    const bytes = asUint8Array(this._crypto.random(2));
    const fraction = ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) / 0x10000;
    return Math.max(minMs, Math.floor((ceilingMs / 2) * (1 + fraction)));
  }

  /** Starts again from the shortest delay, after a success. */
  reset(): void {
    this._failures = 0;
  }
}
