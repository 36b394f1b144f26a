import type { Clock, IO, Timer } from "../../../modules/board/index.js";

/** A network of the chip comes up within this, of its own or another's; nobody waits for it longer than needed. */
const RETRY_MS = 250;

/**
 * What cannot be made yet: tries now, and again and again. lwIP makes no socket before the chip has a network
 * (`CHECK_NETWORK_SAFE` in modules/io/common/builtinCommon.h), and even the chip's own comes up some time after the
 * call that starts it. A socket for any address outlives the networks that come and go after that.
 */
export class Pending<T extends { close(): void }> implements IO {
  private _clock: Clock;
  private _make: () => T | undefined;
  private _made: T | undefined;
  private _timer: Timer | undefined;

  /** @param make gives `undefined` for "not yet"; what it throws is thrown by this */
  constructor(clock: Clock, make: () => T | undefined) {
    this._clock = clock;
    this._make = make;
    this._try();
  }

  get made(): T | undefined {
    return this._made;
  }

  close(): void {
    this._clock.clear(this._timer);
    this._made?.close();
    this._made = undefined;
  }

  private _try(): void {
    this._made = this._make();
    if (!this._made) this._timer = this._clock.set(() => this._try(), RETRY_MS);
  }
}
