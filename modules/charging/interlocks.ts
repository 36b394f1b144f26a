import type { Board, Contactor, DigitalOut } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import type { Interlock, InterlockHost, InterlockLimits, Situation } from "./interlock.js";
import { MAX_CURRENT_A, type PilotState } from "./pilot.js";
import { PlugLock } from "./plug-lock.js";
import { Proximity } from "./proximity.js";
import { ResidualCurrentTest } from "./residual-current-test.js";
import { SupplyMonitor } from "./supply-monitor.js";

const NO_LIMITS: InterlockLimits = Object.freeze({});

const NO_VENTILATION: Fault = Object.freeze({
  code: "ventilation-required",
  message: "the vehicle requires ventilation, which the station does not have",
} as const);

export interface InterlocksOptions {
  readonly board: Board;
  /** State D is supplied as C. Default: `false`. */
  readonly isVentilated?: boolean;
}

/** The lock and the interlocks of a station: only those that its board has. */
export class Interlocks {
  private readonly _host: InterlockHost;
  private readonly _isVentilated: boolean;
  private readonly _all: readonly Interlock[];
  private readonly _lock: Pick<DigitalOut, "write"> | undefined;
  private _isContactorClosed = false;
  /** The latest vehicle in state D was reported. */
  private _isVentilationReported = false;

  constructor({ board, isVentilated }: InterlocksOptions, contactor: Contactor, host: InterlockHost) {
    const { pins, clock, proximityOhms } = board;
    const all: Interlock[] = [];
    this._host = host;
    this._isVentilated = isVentilated === true;
    this._all = all;
    if (proximityOhms) all.push(new Proximity({ clock, measureOhms: proximityOhms, host }));
    if (pins.protectiveEarth !== undefined || pins.phases) all.push(new SupplyMonitor({ board, host }));
    if (pins.lock !== undefined && pins.lockFeedback !== undefined) {
      const lock = new PlugLock({ board, pin: pins.lock, feedbackPin: pins.lockFeedback, host });
      this._lock = lock;
      all.push(lock);
    } else if (pins.lock !== undefined) this._lock = new board.io.DigitalOut({ pin: pins.lock });
    if (pins.residualCurrentTest !== undefined)
      all.push(new ResidualCurrentTest({ board, pin: pins.residualCurrentTest, contactor, host }));
  }

  get limits(): InterlockLimits {
    let limits: InterlockLimits = NO_LIMITS;
    for (const interlock of this._all) if (interlock.limits) limits = { ...limits, ...interlock.limits };
    return limits;
  }

  /** Lowest current that they allow, A; 0: no offer. */
  get limitA(): number {
    // The status is asked for often, and an index costs XS a third of what an iterator does.
    const { _all: all } = this;
    let lowestA = MAX_CURRENT_A;
    for (let index = 0; index < all.length; index++) {
      const { cable = MAX_CURRENT_A, supply = MAX_CURRENT_A } = all[index]?.limits ?? NO_LIMITS;
      lowestA = Math.min(lowestA, cable, supply);
    }
    return lowestA;
  }

  /** Fault that lasts, also without a vehicle. */
  get fault(): Fault | undefined {
    return this._all.find(({ fault }) => fault !== undefined)?.fault;
  }

  /**
   * Whether a vehicle in C or D may be supplied now. Each interlock is asked only when those before it are ready: the
   * self-test is the last one.
   */
  maySupply(pilot: PilotState): boolean {
    if (pilot === "D" && !this._isVentilated) {
      if (!this._isVentilationReported) this._host.warn(NO_VENTILATION);
      this._isVentilationReported = true;
      return false;
    }
    // A change while the contactor is closed is reported by the interlock itself.
    return this._isContactorClosed || this._all.every((interlock) => interlock.isReady());
  }

  /** Commands the lock: 1 locks the plug. */
  lock(value: 0 | 1): void {
    this._lock?.write(value);
  }

  handleSituation(situation: Situation): void {
    this._isContactorClosed = situation.isContactorClosed;
    if (!situation.isPlugged) this._isVentilationReported = false;
    for (const interlock of this._all) interlock.handleSituation(situation);
  }

  close(): void {
    for (const interlock of this._all) interlock.close();
  }
}
