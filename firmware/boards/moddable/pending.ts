import type { Clock, IO, Timer } from "../../../modules/board/index.js";

/** Interval of attempts, ms. It is the maximum delay after a network comes up. */
const RETRY_MS = 250;

/**
 * A resource that may not be available yet: tries to make it now, then periodically. lwIP makes no socket before the
 * chip has a network (`CHECK_NETWORK_SAFE` in modules/io/common/builtinCommon.h), and an access point comes up some time
 * after its start. A listening socket survives later changes of the network.
 */
export class Pending<T extends { close(): void }> implements IO {
  private readonly _clock: Clock;
  private readonly _make: () => T | undefined;
  private _made: T | undefined;
  private _timer: Timer | undefined;

  /** @param make returns `undefined` while the resource is not available; its exceptions are passed on */
  constructor(clock: Clock, make: () => T | undefined) {
    this._clock = clock;
    this._make = make;
    this._try();
  }

  /** The resource; `undefined` while it is not available. */
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
