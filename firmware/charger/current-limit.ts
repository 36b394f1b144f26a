import type { Board, IO, Timer } from "../../modules/board/index.js";
import { deratedA } from "../../modules/charging/index.js";

export interface CurrentLimitOptions {
  readonly board: Board;
  /** What the installation and the owner allow, A. */
  readonly allowedA: () => number;
  /** What may be offered now, A; 0 for nothing. Called at the start, and at each change. */
  readonly onLimit: (limitA: number) => void;
  /** Something happened that somebody should know of. */
  readonly complain: (message: string) => void;
}

const PERIOD_MS = 10_000;

/** What the station may offer: as much as is allowed, and less when it is hot inside. */
export class CurrentLimit implements IO {
  private _options: CurrentLimitOptions;
  private _timer: Timer | undefined;
  private _limitA: number | undefined;
  private _temperatureC: number | undefined;
  /** Somebody has been told that the thermometer is broken. */
  private _isKnownBroken = false;

  constructor(options: CurrentLimitOptions) {
    this._options = options;
    const { board } = options;
    this.update();
    if (board.temperatureC) this._timer = board.clock.repeat(() => this.update(), PERIOD_MS);
  }

  /** Inside, as it was measured last; `undefined`: it never was. */
  get temperatureC(): number | undefined {
    return this._temperatureC;
  }

  /** What is allowed may have changed. */
  update(): void {
    const { board, allowedA, onLimit, complain } = this._options;
    const before = this._limitA;
    const temperatureC = board.temperatureC?.();
    const limitA = board.temperatureC ? deratedA(allowedA(), temperatureC, before === 0) : allowedA();
    this._limitA = limitA;
    if (limitA !== before) onLimit(limitA);
    if (temperatureC === undefined) {
      if (board.temperatureC) this._complainOnce(limitA);
      return;
    }
    this._temperatureC = temperatureC;
    if (limitA === before) return;
    const degrees = Math.round(temperatureC);
    if (limitA === 0) complain(`charging: paused, it is ${degrees} °C inside`);
    else if (limitA < allowedA()) board.log(`charging: ${limitA} A, it is ${degrees} °C inside`);
  }

  close(): void {
    this._options.board.clock.clear(this._timer);
  }

  /** Not at each time that a loose contact comes and goes. */
  private _complainOnce(limitA: number): void {
    if (this._isKnownBroken) return;
    this._isKnownBroken = true;
    this._options.complain(`charging: ${limitA} A, the thermometer is broken`);
  }
}
