import type { Board, DigitalIn, PinSpecifier, Timer } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import type { Interlock, InterlockHost, InterlockLimits } from "./interlock.js";

/** Debounce time of the inputs, ms. */
const DEBOUNCE_MS = 100;

const NO_SUPPLY: InterlockLimits = Object.freeze({ supply: 0 });

const NO_EARTH: Fault = Object.freeze({
  code: "earth-missing",
  message: "the protective earth is missing",
} as const);

export interface SupplyMonitorOptions {
  readonly board: Board;
  readonly host: InterlockHost;
}

/**
 * Inputs of the supply: protective earth and phases. Without earth the station faults, also without a vehicle. Without a
 * phase it makes no offer, and the session continues when the phase is back.
 */
export class SupplyMonitor implements Interlock {
  private readonly _options: SupplyMonitorOptions;
  private readonly _earth: DigitalIn | undefined;
  private readonly _phases: readonly DigitalIn[];
  private _debounce: Timer | undefined;
  private _fault: Fault | undefined;
  /** Numbers of the phases without voltage. */
  private _missing = "";

  constructor(options: SupplyMonitorOptions) {
    this._options = options;
    const { io, pins } = options.board;
    const onReadable = () => this._readLater();
    const inputOf = (pin: PinSpecifier) => new io.DigitalIn({ pin, onReadable });
    if (pins.protectiveEarth !== undefined) this._earth = inputOf(pins.protectiveEarth);
    this._phases = (pins.phases ?? []).map(inputOf);
    this._readLater();
  }

  get limits(): InterlockLimits | undefined {
    return this._missing === "" ? undefined : NO_SUPPLY;
  }

  get fault(): Fault | undefined {
    return this._fault;
  }

  isReady(): boolean {
    return !this._debounce && !this._fault && this._missing === "";
  }

  handleSituation(): void {}

  close(): void {
    this._options.board.clock.clear(this._debounce);
    this._earth?.close();
    for (const phase of this._phases) phase.close();
  }

  /** Reads the inputs when they have not changed for a while. */
  private _readLater(): void {
    const { clock } = this._options.board;
    clock.clear(this._debounce);
    this._debounce = clock.set(() => {
      this._debounce = undefined;
      this._read();
    }, DEBOUNCE_MS);
  }

  private _read(): void {
    const { host } = this._options;
    const fault = this._earth?.read() === 0 ? NO_EARTH : undefined;
    let missing = "";
    this._phases.forEach((phase, i) => {
      if (phase.read() === 0) missing += ` L${i + 1}`;
    });
    const isPhaseLost = missing.length > this._missing.length;
    const isEarthLost = fault !== undefined && this._fault === undefined;
    this._fault = fault;
    this._missing = missing;
    if (isEarthLost) host.fail(NO_EARTH);
    if (isPhaseLost) host.warn({ code: "phase-missing", message: `no voltage on${missing}` });
    host.handleInterlockChanged();
  }
}
