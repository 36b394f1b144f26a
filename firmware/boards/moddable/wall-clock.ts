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
  #clock: Clock;
  #guard: Guard;
  #sntp: SNTP | undefined;
  #timer: Timer | undefined;

  constructor({ clock, guard }: { clock: Clock; guard: Guard }) {
    this.#clock = clock;
    this.#guard = guard;
  }

  /** Asks for the time, now and again and again. */
  sync(): void {
    if (this.#sntp) return;
    this.#clock.clear(this.#timer);
    try {
      this.#sntp = new SNTP({ host: HOST }, (message, value) => {
        this.#guard.run(() => this.#follow(message, value));
      });
    } catch {
      // No socket for it now.
      this.#again(RETRY_MS);
    }
  }

  close(): void {
    this.#clock.clear(this.#timer);
    this.#sntp?.close();
    this.#sntp = undefined;
  }

  #follow(message: number, value: unknown): void {
    if (message === SNTP.retry) return;
    // The SDK closes it after either.
    this.#sntp = undefined;
    if (message === SNTP.time) Time.set(Number(value));
    this.#again(message === SNTP.time ? RESYNC_MS : RETRY_MS);
  }

  #again(delayMs: number): void {
    this.#timer = this.#clock.set(() => this.sync(), delayMs);
  }
}
