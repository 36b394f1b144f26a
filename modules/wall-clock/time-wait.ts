import type { Clock, IO, Timer } from "../board/index.js";

/** Maximum wait for the time, ms. SNTP sends again after 5 s, and a failed look-up of its server is repeated after 10 s. */
const LIMIT_MS = 20_000;
/** Interval of checks, ms. */
const POLL_MS = 250;

/** Failure of a connection with `clock-unknown`, for the owner. */
export const CLOCK_UNKNOWN_MESSAGE =
  "the station does not know the time and cannot check certificates: no time server (SNTP, UDP port 123) answers";

/**
 * Waits until the time is known: without it, no certificate can be checked. `done` is called once, during the
 * constructor if the time is known; `false`: it is still unknown after the limit.
 */
export class TimeWait implements IO {
  private readonly _clock: Clock;
  private readonly _endMs: number;
  private readonly _done: (isKnown: boolean) => void;
  private _timer: Timer | undefined;

  constructor(clock: Clock, done: (isKnown: boolean) => void) {
    this._clock = clock;
    this._endMs = clock.monotonicMs() + LIMIT_MS;
    this._done = done;
    this._check();
  }

  /** Ends the wait without a call of `done`. */
  close(): void {
    this._clock.clear(this._timer);
  }

  private _check(): void {
    const isKnown = this._clock.epochMs() !== undefined;
    if (isKnown || this._clock.monotonicMs() >= this._endMs) this._done(isKnown);
    else this._timer = this._clock.set(() => this._check(), POLL_MS);
  }
}
