/** Ends the session of a vehicle that draws more current than it is offered, by the meter's measurements. */

import type { Board } from "../../modules/board/index.js";
import {
  type Charging,
  isOvercurrent,
  nextOvercurrent,
  type OvercurrentState,
} from "../../modules/charging/index.js";
import type { EnergyMeter, ModbusMeter } from "../../modules/meter/index.js";

export interface OvercurrentOptions {
  readonly board: Pick<Board, "clock">;
  readonly charging: Pick<Charging, "fail" | "isContactorClosed" | "offeredA">;
}

/** The meter of a station. `modbusMeter` is there if it measures currents. */
export interface Meters {
  readonly meter: EnergyMeter;
  readonly modbusMeter: ModbusMeter | undefined;
}

/** Factor of the offer that a measured current may reach. */
const CURRENT_TOLERANCE = 1.1;
/**
 * Factor of the offer that a current may reach that is calculated from the power: 10 %, 10 % for a mains voltage of up to
 * 253 V, and the pulses' jitter.
 */
const POWER_TOLERANCE = 1.25;
const NOMINAL_V = 230;
/** Phases over which an unknown power is spread. An overcurrent of one phase alone is not visible in the sum. */
const PHASES = 3;

export class Overcurrent {
  private readonly _options: OvercurrentOptions;
  private _state: OvercurrentState | undefined;

  constructor(options: OvercurrentOptions) {
    this._options = options;
  }

  /** To be called after each measurement. */
  handleMeasured({ meter, modbusMeter }: Meters): void {
    const { board, charging } = this._options;
    const { offeredA } = charging;
    if (!charging.isContactorClosed || offeredA === 0 || modbusMeter?.fault === "meter-silent") {
      this._state = undefined;
      return;
    }
    const measuredA = modbusMeter && highestCurrentA(modbusMeter);
    const currentA = measuredA ?? meter.powerW / (NOMINAL_V * PHASES);
    const tolerance = measuredA === undefined ? POWER_TOLERANCE : CURRENT_TOLERANCE;
    const nowMs = board.clock.monotonicMs();
    this._state = nextOvercurrent(this._state, { nowMs, offeredA, currentA, tolerance });
    if (!isOvercurrent(this._state, nowMs)) return;
    this._state = undefined;
    const message = `the vehicle draws ${Math.round(currentA)} A, and ${offeredA} A are offered`;
    charging.fail({ code: "overcurrent", message });
  }
}

function highestCurrentA(meter: ModbusMeter): number | undefined {
  let highestA: number | undefined;
  for (let phase = 1; phase <= PHASES; phase++) {
    const currentA = meter.currentA(phase);
    if (currentA !== undefined) highestA = Math.max(highestA ?? 0, Math.abs(currentA));
  }
  return highestA;
}
