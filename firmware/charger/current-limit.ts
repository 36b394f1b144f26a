import type { Board, IO, Timer } from "../../modules/board/index.js";
import {
  type Charging,
  type Heat,
  isCurrentLimit,
  isTooHot,
  MAX_CURRENT_A,
  MIN_CURRENT_A,
  type Offer,
  offerOf,
} from "../../modules/charging/index.js";
import type { FaultReporter } from "../../modules/faults/index.js";
import type { CommandFailure } from "../commands.js";
import type { Config } from "../config.js";
import type { Settings } from "../settings.js";
import type { ChargerListener } from "./charger-listener.js";

type LimitSettings = Pick<Settings, "currentLimitA" | "fallbackA" | "leaseS">;

export interface CurrentLimitOptions {
  readonly board: Board;
  readonly config: Pick<Config, "currentLimitA">;
  readonly settings: { readonly now: LimitSettings; set(change: Partial<LimitSettings>): boolean };
  readonly charging: Pick<Charging, "setLimit" | "session">;
  /** Changes of the number of phases; absent on a station without a second contactor. */
  readonly phases?: { readonly isSwitching: boolean } | undefined;
  readonly reporter: FaultReporter;
  readonly listener: Pick<ChargerListener, "handleChargerChanged">;
}

/** Interval of temperature measurements, ms. */
const PERIOD_MS = 10_000;
/** Fallback current once an energy manager has set a limit, until the owner sets another one, A. */
const MANAGED_FALLBACK_A = MIN_CURRENT_A;

export const INVALID_LIMIT: CommandFailure = Object.freeze({
  code: "invalid",
  message: "the limit must be 0 or 6-32 A",
} as const);

/**
 * Limit of the offered current: the lowest of installation, owner, energy manager, temperature, and pauses
 * (modules/charging, offer.ts).
 *
 * An energy manager's limit has a lease. Without a lease, also after a restart, the fallback current applies: a manager
 * that has died must not leave its last limit behind. The first limit of a manager sets the fallback current to 6 A,
 * unless the owner has set one, and it is stored.
 */
export class CurrentLimit implements IO {
  private readonly _options: CurrentLimitOptions;
  private _timer: Timer | undefined;
  private _offer: Offer | undefined;
  /** Latest measurement; `undefined` without a thermometer. */
  private _heat: Heat | undefined;
  private _temperatureC: number | undefined;
  /** Latest limit of an energy manager in this run; in force while `_lease` runs. */
  private _managedA: number | undefined;
  private _lease: Timer | undefined;
  private _isPaused = false;
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

  /** Current that the station may offer now, and the limit that it comes from. */
  get offer(): Offer {
    return this._offerTo(this._options.charging.session?.grant.currentA);
  }

  /** Limit of the energy manager in force, A: its latest one during the lease, then the fallback current. */
  get managedA(): number {
    return (this._lease && this._managedA) ?? this.fallbackA;
  }

  /** Limit while no energy manager has a lease, A. 32 A is no limit. */
  get fallbackA(): number {
    const { fallbackA } = this._options.settings.now;
    // Where the storage fails, the fallback current of a managed station is not stored.
    return fallbackA ?? (this._managedA === undefined ? MAX_CURRENT_A : MANAGED_FALLBACK_A);
  }

  get isPaused(): boolean {
    return this._isPaused;
  }

  /** Pauses or resumes charging. The session continues. A pause lasts until it is ended, or until the restart. */
  setPaused(isPaused: boolean): void {
    this._isPaused = isPaused;
    this.update();
  }

  /** Sets the energy manager's limit for the time of its lease, A. Returns why it cannot be set, if it cannot. */
  setManaged(limitA: number): CommandFailure | undefined {
    if (!isCurrentLimit(limitA)) return INVALID_LIMIT;
    const { board, settings } = this._options;
    const { fallbackA, leaseS } = settings.now;
    board.clock.clear(this._lease);
    this._managedA = limitA;
    this._lease = board.clock.set(() => this._expire(), leaseS * 1000);
    if (fallbackA === undefined) settings.set({ fallbackA: MANAGED_FALLBACK_A });
    this.update();
    return undefined;
  }

  /** Measures the temperature and sets the limit. To be called when settings or phases have changed. */
  update(): void {
    const { charging } = this._options;
    const before = this._offer;
    this._measure();
    const offer = this._offerTo(undefined);
    this._offer = offer;
    if (offer.currentA !== before?.currentA) charging.setLimit(offer.currentA);
    if (before && offer.limitedBy !== before.limitedBy)
      this._options.board.log(`charging: the limit is ${offer.currentA} A (${offer.limitedBy})`);
  }

  /** Ends a pause: it was the previous owner's. The energy manager's limit ends with its lease. */
  forgetOwner(): void {
    this.setPaused(false);
  }

  close(): void {
    const { clock } = this._options.board;
    clock.clear(this._timer);
    clock.clear(this._lease);
  }

  private _expire(): void {
    const { board, listener } = this._options;
    this._lease = undefined;
    board.log(`charging: the lease of the limit has ended; the fallback is ${this.fallbackA} A`);
    this.update();
    listener.handleChargerChanged();
  }

  private _offerTo(cardA: number | undefined): Offer {
    const { config, phases, settings } = this._options;
    const limits = {
      installation: config.currentLimitA,
      owner: settings.now.currentLimitA,
      paused: this._isPaused ? 0 : undefined,
      "phase-switching": phases?.isSwitching ? 0 : undefined,
      [this._lease ? "load-management" : "fallback"]: this.managedA,
      card: cardA,
    };
    return offerOf(limits, this._heat);
  }

  private _measure(): void {
    const { board, reporter } = this._options;
    if (!board.temperatureC) return;
    const wasTooHot = this._heat?.isTooHot ?? false;
    const temperatureC = board.temperatureC();
    this._heat = { temperatureC, isTooHot: isTooHot(temperatureC, wasTooHot) };
    if (temperatureC === undefined) {
      this._reportBrokenOnce();
      return;
    }
    this._temperatureC = temperatureC;
    if (!this._heat.isTooHot || wasTooHot) return;
    const message = `charging is paused at ${Math.round(temperatureC)} °C inside`;
    reporter.reportFault({ code: "overheated", message });
  }

  /** Reports a broken thermometer once per run: a loose contact would flood the log. */
  private _reportBrokenOnce(): void {
    if (this._isBrokenReported) return;
    this._isBrokenReported = true;
    const message = `the thermometer is broken; the current limit is ${this._offerTo(undefined).currentA} A`;
    this._options.reporter.reportFault({ code: "thermometer-broken", message });
  }
}
