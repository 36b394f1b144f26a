import SNTP from "sntp";
import Time from "time";
import type { Clock, IO, Timer } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";

/** Interval of synchronization, ms. The chip's clock drifts by about 20 ppm: 2 s per day. */
const RESYNC_MS = 12 * 60 * 60 * 1000;
/** Delay after a failed synchronization, ms. TLS waits 20 s for the time. */
const RETRY_MS = 10_000;

export interface WallClockOptions {
  readonly clock: Clock;
  readonly guard: Guard;
  /** Names or addresses of time servers, at least one, the best first. It is called for each request. */
  readonly servers: () => readonly string[];
}

/** Sets the wall clock over SNTP (RFC 4330). Only TLS needs it. A server that does not answer is followed by the next one. */
export class WallClock implements IO {
  private readonly _options: WallClockOptions;
  private _sntp: SNTP | undefined;
  private _timer: Timer | undefined;
  /** Number of servers that did not give the time so far. */
  private _failures = 0;

  constructor(options: WallClockOptions) {
    this._options = options;
  }

  /** Synchronizes now, then periodically. */
  sync(): void {
    const { clock, guard, servers } = this._options;
    if (this._sntp) return;
    clock.clear(this._timer);
    const all = servers();
    const host = all[this._failures % all.length] as string;
    try {
      this._sntp = new SNTP({ host }, (message, value) => {
        guard.run(() => this._handleMessage(message, value));
      });
    } catch {
      // No socket is available now.
      this._schedule(RETRY_MS);
    }
  }

  close(): void {
    this._options.clock.clear(this._timer);
    this._sntp?.close();
    this._sntp = undefined;
  }

  private _handleMessage(message: number, value: unknown): void {
    if (message === SNTP.retry) {
      this._handleSilence();
      return;
    }
    // The SDK closes the client after `time` and after `error`.
    this._sntp = undefined;
    if (message === SNTP.time) Time.set(Number(value));
    // A server's time before the day of the build is wrong.
    const isKnown = message === SNTP.time && this._options.clock.epochMs() !== undefined;
    if (!isKnown) this._failures++;
    this._schedule(isKnown ? RESYNC_MS : RETRY_MS);
  }

  /** The server has not answered for 5 s. The SDK has sent the request again. */
  private _handleSilence(): void {
    if (this._options.servers().length === 1) return;
    this._failures++;
    this.close();
    this.sync();
  }

  private _schedule(delayMs: number): void {
    this._timer = this._options.clock.set(() => this.sync(), delayMs);
  }
}
