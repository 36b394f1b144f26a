import type { Board, IO, Timer } from "../../modules/board/index.js";
import { type Charging, deratedA } from "../../modules/charging/index.js";
import type { FaultReporter } from "../../modules/faults/index.js";
import type { Config } from "../config.js";
import type { Settings } from "../settings.js";

export interface CurrentLimitOptions {
  readonly board: Board;
  readonly config: Pick<Config, "currentLimitA">;
  readonly settings: { readonly now: Pick<Settings, "currentLimitA"> };
  readonly charging: Pick<Charging, "setLimit">;
  readonly reporter: FaultReporter;
}

/** Interval of temperature measurements, ms. */
const PERIOD_MS = 10_000;

/** Limit of the offered current: the allowed current, derated when the station is hot inside. */
export class CurrentLimit implements IO {
  private readonly _options: CurrentLimitOptions;
  private _timer: Timer | undefined;
  private _limitA: number | undefined;
  private _temperatureC: number | undefined;
  /** The broken thermometer has been reported. */
  private _isBrokenReported = false;

  constructor(options: CurrentLimitOptions) {
    this._options = options;
    const { board } = options;
    this.update();
    if (board.temperatureC) this._timer = board.clock.repeat(() => this.update(), PERIOD_MS);
  }

  /** Latest temperature inside the station, °C; `undefined` before the first measurement. */
  get temperatureC(): number | undefined {
    return this._temperatureC;
  }

  /** Measures the temperature and sets the limit. To be called when the settings have changed. */
  update(): void {
    const { board, charging, reporter } = this._options;
    const allowedA = this._allowedA;
    const before = this._limitA;
    const temperatureC = board.temperatureC?.();
    const limitA = board.temperatureC ? deratedA(allowedA, temperatureC, before === 0) : allowedA;
    this._limitA = limitA;
    if (limitA !== before) charging.setLimit(limitA);
    if (temperatureC === undefined) {
      if (board.temperatureC) this._reportBrokenOnce(limitA);
      return;
    }
    this._temperatureC = temperatureC;
    if (limitA === before) return;
    const degrees = Math.round(temperatureC);
    if (limitA === 0) {
      reporter.reportFault({ code: "overheated", message: `charging is paused at ${degrees} °C inside` });
    } else if (limitA < allowedA) board.log(`charging: ${limitA} A, it is ${degrees} °C inside`);
  }

  private get _allowedA(): number {
    const { config, settings } = this._options;
    return Math.min(config.currentLimitA, settings.now.currentLimitA);
  }

  close(): void {
    this._options.board.clock.clear(this._timer);
  }

  /** Reports a broken thermometer once per run: a loose contact would flood the log. */
  private _reportBrokenOnce(limitA: number): void {
    if (this._isBrokenReported) return;
    this._isBrokenReported = true;
    const message = `the thermometer is broken; the current limit is ${limitA} A`;
    this._options.reporter.reportFault({ code: "thermometer-broken", message });
  }
}
