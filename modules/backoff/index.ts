/** How long to wait before the next try: exponential, with jitter from the board's random numbers. */

import { asUint8Array } from "../bytes/index.js";

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** `Crypto.random` of the board. */
  readonly random: (byteLength: number) => ArrayBuffer;
}

/** After n failures in a row between 1 and 2 times `minMs` x 2^(n-1), at most `maxMs`: stations spread. */
export class Backoff {
  private _options: BackoffOptions;
  private _failures = 0;

  constructor(options: BackoffOptions) {
    this._options = options;
  }

  /** Counts a failure and gives the delay after it, in whole milliseconds. */
  next(): number {
    const { minMs, maxMs, random } = this._options;
    const ceilingMs = Math.min(maxMs, 2 * minMs * 2 ** this._failures);
    if (ceilingMs < maxMs) this._failures++;
    const bytes = asUint8Array(random(2));
    const fraction = ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) / 0x10000;
    return Math.max(minMs, Math.floor((ceilingMs / 2) * (1 + fraction)));
  }

  /** The last try went well. */
  reset(): void {
    this._failures = 0;
  }
}
