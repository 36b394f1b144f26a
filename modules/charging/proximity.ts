import type { Board, Timer } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import type { Interlock, InterlockHost, InterlockLimits, Situation } from "./interlock.js";

/** Lowest current that a cable is coded for, A. */
export const LOWEST_CABLE_A = 13;
/** Lowest and highest resistance of a cable's coding, with its tolerance, Ω. */
export const CABLE_MIN_OHMS = 80;
export const CABLE_MAX_OHMS = 2200;

/**
 * Resistance of a cable's coding, Ω, and its current, A: 1500 Ω, 680 Ω, 220 Ω and 100 Ω (IEC 61851-1 Annex B). The
 * bands lie inside those of other stations (Phoenix Contact: 75-150, 150-330, 330-1000 and 1000-2200 Ω). A value
 * between two bands means a dirty contact or a broken wire.
 */
const CABLES: readonly (readonly [minOhms: number, maxOhms: number, currentA: number])[] = Object.freeze([
  [CABLE_MIN_OHMS, 140, 63],
  [164, 308, 32],
  [400, 936, 20],
  [1100, CABLE_MAX_OHMS, LOWEST_CABLE_A],
] as const);

/** Returns the current that a cable carries, A; 0 without a valid coding. */
export function cableCurrentA(ohms: number): number {
  for (const [minOhms, maxOhms, currentA] of CABLES) {
    if (ohms >= minOhms && ohms <= maxOhms) return currentA;
  }
  return 0;
}

/** Interval of measurements until the value has settled, ms. */
const SETTLING_MS = 100;
/** Interval of measurements afterwards, ms. */
const PERIOD_MS = 1000;
/** Equal measurements in a row that count. */
const COUNT = 3;
/** Measurements in a row without a cable that count when a vehicle has arrived: a plug may still be moving. */
const ARRIVAL_COUNT = 15;

const NO_CABLE: Fault = Object.freeze({
  code: "proximity-failed",
  message: "the socket's proximity contact shows no cable, or a short circuit",
} as const);
const CHANGED: Fault = Object.freeze({
  code: "proximity-failed",
  message: "the coding of the locked cable has changed",
} as const);

export interface ProximityOptions {
  readonly clock: Board["clock"];
  /** Measures the resistance from the proximity contact to earth, Ω. */
  readonly measureOhms: () => number;
  readonly host: InterlockHost;
}

/** Proximity contact of a socket: measures the cable of the plugged-in vehicle, which caps the offered current. */
export class Proximity implements Interlock {
  readonly fault = undefined;
  private readonly _options: ProximityOptions;
  private _timer: Timer | undefined;
  /** Current of the cable, A; `undefined` until it has settled. */
  private _cableA: number | undefined;
  /** Latest measurement and how often it came in a row. */
  private _latestA = 0;
  private _count = 0;
  private _isLocked = false;

  constructor(options: ProximityOptions) {
    this._options = options;
  }

  /** 0 until the cable of the plugged-in vehicle has been measured, and while a session waits for a vehicle to return. */
  get limits(): InterlockLimits | undefined {
    return this._timer || this._isLocked ? { cable: this._cableA ?? 0 } : undefined;
  }

  isReady(): boolean {
    return (this._cableA ?? 0) > 0;
  }

  handleSituation({ isPlugged, isLocked }: Situation): void {
    this._isLocked = isLocked;
    if (isPlugged) {
      if (!this._timer) this._measureLater(SETTLING_MS);
      return;
    }
    this.close();
    this._cableA = undefined;
    this._count = 0;
  }

  close(): void {
    this._options.clock.clear(this._timer);
    this._timer = undefined;
  }

  private _measureLater(delayMs: number): void {
    this._timer = this._options.clock.set(() => {
      const cableA = cableCurrentA(this._options.measureOhms());
      this._count = cableA === this._latestA ? this._count + 1 : 1;
      this._latestA = cableA;
      this._measureLater(cableA === this._cableA ? PERIOD_MS : SETTLING_MS);
      const isArriving = this._cableA === undefined && cableA === 0;
      if (cableA !== this._cableA && this._count >= (isArriving ? ARRIVAL_COUNT : COUNT))
        this._settle(cableA);
    }, delayMs);
  }

  private _settle(cableA: number): void {
    const { host } = this._options;
    const isChanged = this._isLocked && this._cableA !== undefined;
    this._cableA = cableA;
    if (cableA === 0 || isChanged) host.fail(isChanged ? CHANGED : NO_CABLE);
    else host.handleInterlockChanged();
  }
}
