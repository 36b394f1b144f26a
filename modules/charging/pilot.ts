import type { PilotLevels } from "../board/index.js";

/**
 * State of the control pilot (IEC 61851-1:2017 table A.4). A: no vehicle. B: vehicle connected. C: vehicle ready.
 * D: vehicle ready and requires ventilation. E: pilot shorted, diode missing, or levels that are not finite numbers.
 * F: station not available.
 */
export type PilotState = "A" | "B" | "C" | "D" | "E" | "F";

/** Whether the vehicle requests energy (state C or D). */
export function requestsEnergy(pilot: PilotState): boolean {
  return pilot === "C" || pilot === "D";
}

/** Duty of steady +12 V, per mille: the station is not ready to supply. */
export const PILOT_STEADY_PERMILLE = 1000;

// Each threshold is half way between two nominal levels. Table A.4 allows ±1 V around a nominal level.

/** Lowest positive level of state A, mV; nominal +12 V. */
const LOWEST_OF_A_MV = 10_500;
/** Lowest positive level of state B, mV; nominal +9 V. */
const LOWEST_OF_B_MV = 7_500;
/** Lowest positive level of state C, mV; nominal +6 V. */
const LOWEST_OF_C_MV = 4_500;
/** Lowest positive level of state D, mV; nominal +3 V. */
const LOWEST_OF_D_MV = 1_500;
/** Lowest level of state E, mV; nominal 0 V. A lower level is state F, nominal −12 V. */
const LOWEST_OF_E_MV = -6_000;
/** Highest negative level behind an intact diode, mV: the diode leaves the half wave at −12 V ± 1 V (A.3). */
const HIGHEST_OF_NEGATIVE_MV = -10_500;

/**
 * Maps measured levels to a pilot state.
 * @param dutyPermille duty of the generator during the measurement; only a square wave shows the vehicle's diode
 */
export function pilotState(levels: PilotLevels, dutyPermille: number): PilotState {
  const { highMv, lowMv } = levels;
  if (!Number.isFinite(highMv) || !Number.isFinite(lowMv)) return "E";
  if (highMv < LOWEST_OF_E_MV) return "F";
  if (highMv < LOWEST_OF_D_MV) return "E";
  if (highMv >= LOWEST_OF_A_MV) return "A";
  const squareWave = dutyPermille > 0 && dutyPermille < PILOT_STEADY_PERMILLE;
  if (squareWave && lowMv > HIGHEST_OF_NEGATIVE_MV) return "E";
  if (highMv >= LOWEST_OF_B_MV) return "B";
  return highMv >= LOWEST_OF_C_MV ? "C" : "D";
}

/** Lowest current that a station may offer, A (IEC 61851-1 table A.8). */
export const MIN_CURRENT_A = 6;
/** Highest current that this firmware offers, A. */
export const MAX_CURRENT_A = 32;

/** Duty that announces a current, per mille. From 6 to 51 A, 1 % duty is 0.6 A (IEC 61851-1 table A.8). */
export function dutyPermilleOf(currentA: number): number {
  return Math.floor((currentA * 1000) / 60);
}
