import type { Clock, IO, Timer } from "../../../modules/board/index.js";

/** A network of the chip comes up within this, of its own or another's; nobody waits for it longer than needed. */
const RETRY_MS = 250;

/**
 * What cannot be made yet: tries now, and again and again. lwIP makes no socket before the chip has a network
 * (`CHECK_NETWORK_SAFE` in modules/io/common/builtinCommon.h), and even the chip's own comes up some time after the
 * call that starts it. A socket for any address outlives the networks that come and go after that.
 */
export class Pending<T extends { close(): void }> implements IO {
  #clock: Clock;
  #make: () => T | undefined;
  #made: T | undefined;
  #timer: Timer | undefined;

  /** @param make gives `undefined` for "not yet"; what it throws is thrown by this */
  constructor(clock: Clock, make: () => T | undefined) {
    this.#clock = clock;
    this.#make = make;
    this.#try();
  }

  get made(): T | undefined {
    return this.#made;
  }

  close(): void {
    this.#clock.clear(this.#timer);
    this.#made?.close();
    this.#made = undefined;
  }

  #try(): void {
    this.#made = this.#make();
    if (!this.#made) this.#timer = this.#clock.set(() => this.#try(), RETRY_MS);
  }
}
