import SNTP from "sntp";
import Time from "time";
import type { Clock, IO, Timer } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";

const HOST = "pool.ntp.org";
/** Interval of synchronization, ms. The chip's clock drifts by about 20 ppm: 2 s per day. */
const RESYNC_MS = 12 * 60 * 60 * 1000;
/** Delay after a failed synchronization, ms. TLS waits 20 s for the time. */
const RETRY_MS = 10_000;

/** Sets the wall clock over SNTP (RFC 4330). Only TLS needs it. */
export class WallClock implements IO {
  private readonly _clock: Clock;
  private readonly _guard: Guard;
  private _sntp: SNTP | undefined;
  private _timer: Timer | undefined;

  constructor({ clock, guard }: { clock: Clock; guard: Guard }) {
    this._clock = clock;
    this._guard = guard;
  }

  /** Synchronizes now, then periodically. */
  sync(): void {
    if (this._sntp) return;
    this._clock.clear(this._timer);
    try {
      this._sntp = new SNTP({ host: HOST }, (message, value) => {
        this._guard.run(() => this._handleMessage(message, value));
      });
    } catch {
      // No socket is available now.
      this._schedule(RETRY_MS);
    }
  }

  close(): void {
    this._clock.clear(this._timer);
    this._sntp?.close();
    this._sntp = undefined;
  }

  private _handleMessage(message: number, value: unknown): void {
    if (message === SNTP.retry) return;
    // The SDK closes the client after `time` and after `error`.
    this._sntp = undefined;
    if (message === SNTP.time) Time.set(Number(value));
    // A server's time before the day of the build is wrong.
    const isKnown = message === SNTP.time && this._clock.epochMs() !== undefined;
    this._schedule(isKnown ? RESYNC_MS : RETRY_MS);
  }

  private _schedule(delayMs: number): void {
    this._timer = this._clock.set(() => this.sync(), delayMs);
  }
}
