/** Charging without a card: free vend, where the owner allows it, and a start by the owner. */

import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { Charging, Grant, GrantMethod } from "../../modules/charging/index.js";
import type { CommandFailure } from "../commands.js";
import type { Config } from "../config.js";
import type { Settings } from "../settings.js";

export interface FreeVendOptions {
  readonly board: Board;
  readonly charging: Pick<Charging, "admit" | "status" | "stop">;
  readonly settings: { readonly now: Pick<Settings, "isFree"> };
  readonly config: Pick<Config, "currentLimitA">;
}

/** Tag of sessions without a card, in reports to the platform. */
const NO_TAG = { tag: "0".repeat(64), tagEnd: "-" };

export class FreeVend implements IO {
  private readonly _options: FreeVendOptions;
  private _timer: Timer | undefined;
  private _wasFree = false;
  /** The owner has stopped the plugged-in vehicle: it needs a card, the owner, or a new plug. */
  private _isStopped = false;

  constructor(options: FreeVendOptions) {
    this._options = options;
  }

  /** Authorizes the plugged-in vehicle for the owner. Returns why it cannot; `undefined` if it has. */
  startByOwner(): CommandFailure | undefined {
    const isStarted = this._options.charging.admit()?.authorize(this._grant("remote"));
    if (isStarted) return undefined;
    return { code: "no-vehicle", message: "no vehicle is plugged in, or a session is under way" };
  }

  /** Authorizes the plugged-in vehicle if free vend is on. To be called when a vehicle plugs in or settings change. */
  update(): void {
    const { board, charging, settings } = this._options;
    const { isFree } = settings.now;
    board.clock.clear(this._timer);
    // When free vend is turned off, an unused authorization ends: the vehicle now needs a card.
    if (this._wasFree && !isFree && charging.status === "authorized") charging.stop();
    this._wasFree = isFree;
    if (!isFree) this._isStopped = false;
    else this._timer = board.clock.set(() => this._authorize(), 0);
  }

  /** To be called when the owner stops the plugged-in vehicle. */
  handleStopped(): void {
    this._isStopped = true;
  }

  /** To be called when the vehicle has left. */
  handleUnplugged(): void {
    this._isStopped = false;
  }

  /** Cancels a pending authorization without a call of the charging machine. */
  forgetOwner(): void {
    this._options.board.clock.clear(this._timer);
    this._wasFree = false;
  }

  close(): void {
    this._options.board.clock.clear(this._timer);
  }

  private _authorize(): void {
    const { charging, settings } = this._options;
    if (settings.now.isFree && !this._isStopped && charging.status === "plugged")
      charging.admit()?.authorize({ ...this._grant("free"), isOpenEnded: true });
  }

  private _grant(method: GrantMethod): Grant {
    return { ...NO_TAG, method, currentA: this._options.config.currentLimitA };
  }
}
