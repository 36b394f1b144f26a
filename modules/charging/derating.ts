import { MIN_CURRENT_A } from "./pilot.js";

/** Warmer than this inside, a station offers less; */
const DERATES_FROM_C = 60;
/** as warm as this, nothing; */
const STOPS_AT_C = 80;
/** until it is so much cooler again. */
const RESUMES_BELOW_C = 70;

/**
 * What may be offered at a temperature inside the station, A: all up to 60 °C, less and less down to 6 A at 80 °C, there
 * 0. What has stopped begins again below 70 °C, so that a contactor does not switch to and fro. A thermometer that
 * measures nothing is broken: it may be as hot as it was, or hotter. What has stopped stays so, all else is 6 A.
 * @param limitA what may be offered by itself, 6-32 A
 * @param wasStopped nothing was offered before
 */
export function deratedA(limitA: number, temperatureC: number | undefined, wasStopped: boolean): number {
  if (temperatureC === undefined) return wasStopped ? 0 : MIN_CURRENT_A;
  if (temperatureC >= STOPS_AT_C || (wasStopped && temperatureC >= RESUMES_BELOW_C)) return 0;
  if (temperatureC <= DERATES_FROM_C) return limitA;
  const share = (STOPS_AT_C - temperatureC) / (STOPS_AT_C - DERATES_FROM_C);
  return Math.floor(MIN_CURRENT_A + (limitA - MIN_CURRENT_A) * share);
}
