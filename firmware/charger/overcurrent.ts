/** Ends the session of a vehicle that draws more current than it is offered, by the meter's measurements. */

import {
  type Charging,
  isOvercurrent,
  nextOvercurrent,
  type OvercurrentState,
} from "../../modules/charging/index.js";
import type { EnergyMeter, ModbusMeter } from "../../modules/meter/index.js";

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

/** A measurement at the charger. */
export interface ChargerMeasurement extends Meters {
  readonly nowMs: number;
  readonly charging: Pick<Charging, "fail" | "isContactorClosed" | "offeredA">;
}

/** Checks the current after a measurement, and ends the session at an overcurrent. Returns the next state. */
export function checkCurrent(
  before: OvercurrentState | undefined,
  { nowMs, charging, meter, modbusMeter }: ChargerMeasurement,
): OvercurrentState | undefined {
  const { offeredA } = charging;
  const isUnknown = modbusMeter?.fault === "meter-silent";
  if (!charging.isContactorClosed || offeredA === 0 || isUnknown) return undefined;
  const measuredA = modbusMeter && highestCurrentA(modbusMeter);
  const currentA = measuredA ?? meter.powerW / (NOMINAL_V * PHASES);
  const tolerance = measuredA === undefined ? POWER_TOLERANCE : CURRENT_TOLERANCE;
  const state = nextOvercurrent(before, { nowMs, offeredA, currentA, tolerance });
  if (!isOvercurrent(state, nowMs)) return state;
  const message = `the vehicle draws ${Math.round(currentA)} A, and ${offeredA} A are offered`;
  charging.fail({ code: "overcurrent", message });
  return undefined;
}

function highestCurrentA(meter: ModbusMeter): number | undefined {
  let highestA: number | undefined;
  for (let phase = 1; phase <= PHASES; phase++) {
    const currentA = meter.currentA(phase);
    if (currentA !== undefined) highestA = Math.max(highestA ?? 0, Math.abs(currentA));
  }
  return highestA;
}
