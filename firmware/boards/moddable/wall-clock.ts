import SNTP from "sntp";
import Time from "time";
import type { Clock, IO, Timer } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";

const HOST = "pool.ntp.org";
/** The chip's clock is off by some 20 ppm: 2 s in a day. */
const RESYNC_MS = 12 * 60 * 60 * 1000;
const RETRY_MS = 60_000;

/** Sets the wall clock over SNTP (RFC 4330). Everything works without it, but TLS. */
export class WallClock implements IO {
  private _clock: Clock;
  private _guard: Guard;
  private _sntp: SNTP | undefined;
  private _timer: Timer | undefined;

  constructor({ clock, guard }: { clock: Clock; guard: Guard }) {
    this._clock = clock;
    this._guard = guard;
  }

  /** Asks for the time, now and again and again. */
  sync(): void {
    if (this._sntp) return;
    this._clock.clear(this._timer);
    try {
      this._sntp = new SNTP({ host: HOST }, (message, value) => {
        this._guard.run(() => this._follow(message, value));
      });
    } catch {
      // No socket for it now.
      this._again(RETRY_MS);
    }
  }

  close(): void {
    this._clock.clear(this._timer);
    this._sntp?.close();
    this._sntp = undefined;
  }

  private _follow(message: number, value: unknown): void {
    if (message === SNTP.retry) return;
    // The SDK closes it after either.
    this._sntp = undefined;
    if (message === SNTP.time) Time.set(Number(value));
    this._again(message === SNTP.time ? RESYNC_MS : RETRY_MS);
  }

  private _again(delayMs: number): void {
    this._timer = this._clock.set(() => this.sync(), delayMs);
  }
}
