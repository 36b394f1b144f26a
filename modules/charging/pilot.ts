import type { PilotLevels } from "../board/index.js";

/**
 * The states of the control pilot (IEC 61851-1:2017 table A.4):
 * A no vehicle, B vehicle connected, C and D vehicle ready (D: wants ventilation), E pilot shorted, diode missing, or
 * what was measured is no number, F station not available.
 */
export type PilotState = "A" | "B" | "C" | "D" | "E" | "F";

/** The vehicle wants current. */
export function requestsEnergy(pilot: PilotState): boolean {
  return pilot === "C" || pilot === "D";
}

/** Steady +12 V: not ready to supply. */
export const PILOT_STEADY_PERMILLE = 1000;

/** Half way between the nominal levels of +12, +9, +6, +3, 0 and −12 V; each is within ±1 V of nominal (A.4). */
const LOWEST_OF_A_MV = 10_500;
const LOWEST_OF_B_MV = 7_500;
const LOWEST_OF_C_MV = 4_500;
const LOWEST_OF_D_MV = 1_500;
const LOWEST_OF_E_MV = -6_000;
/** The negative half wave passes a vehicle's diode undiminished: −12 V ± 1 V (A.3). */
const HIGHEST_OF_NEGATIVE_MV = -10_500;

/**
 * The state that measured levels stand for.
 * @param dutyPermille what the generator puts out; with a square wave the negative level tells the diode
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

/** The least and the most that a station may offer here. */
export const MIN_CURRENT_A = 6;
export const MAX_CURRENT_A = 32;

/** The duty that states a current: 6-51 A is duty in percent x 0.6 A (IEC 61851-1 table A.8). */
export function dutyPermilleOf(currentA: number): number {
  return Math.floor((currentA * 1000) / 60);
}
