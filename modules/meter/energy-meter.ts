import type { IO } from "../board/index.js";

/** Energy meter of a station. */
export interface EnergyMeter extends IO {
  /** Whether the station has a meter. */
  readonly isThere: boolean;
  /** Reading in whole Wh. It never decreases, also when another meter takes the meter's place. */
  readonly energyWh: number;
  /** Power, W. */
  readonly powerW: number;
}
