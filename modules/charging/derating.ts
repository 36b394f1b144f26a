import { MIN_CURRENT_A } from "./pilot.js";

/** Derating starts above this temperature, °C. */
const DERATES_FROM_C = 60;
/** The station offers no current from this temperature on, °C. */
const STOPS_AT_C = 80;
/** A stopped station offers current again below this temperature, °C. The hysteresis spares the contactor. */
const RESUMES_BELOW_C = 70;

/**
 * Whether a station is too hot to offer current.
 * @param temperatureC internal temperature; `undefined`: the sensor is broken, which may hide any heat
 * @param wasTooHot whether it was too hot before
 */
export function isTooHot(temperatureC: number | undefined, wasTooHot: boolean): boolean {
  if (temperatureC === undefined) return wasTooHot;
  return temperatureC >= STOPS_AT_C || (wasTooHot && temperatureC >= RESUMES_BELOW_C);
}

/**
 * Returns the current that a station may offer at its internal temperature, A. The full limit applies up to 60 °C. It
 * falls linearly to 6 A at 80 °C, where the station stops; it resumes below 70 °C. With a broken sensor a stopped station
 * stays stopped, and a running one offers 6 A.
 * @param limitA limit before derating, 6-32 A
 * @param temperatureC internal temperature; `undefined`: the sensor is broken
 * @param wasTooHot whether heat had stopped the station before
 */
export function deratedA(limitA: number, temperatureC: number | undefined, wasTooHot: boolean): number {
  if (isTooHot(temperatureC, wasTooHot)) return 0;
  if (temperatureC === undefined) return MIN_CURRENT_A;
  if (temperatureC <= DERATES_FROM_C) return limitA;
  const share = (STOPS_AT_C - temperatureC) / (STOPS_AT_C - DERATES_FROM_C);
  return Math.floor(MIN_CURRENT_A + (limitA - MIN_CURRENT_A) * share);
}
