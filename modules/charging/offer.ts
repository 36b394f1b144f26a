/**
 * The current that a station offers: the lowest of its limits. A limit can only lower the offer; one that is not a number
 * pauses.
 */

import { deratedA } from "./derating.js";
import { MAX_CURRENT_A, MIN_CURRENT_A } from "./pilot.js";

/** Limits of the offer. Of equal ones, the first is reported. */
const LIMIT_NAMES = Object.freeze([
  /** The highest current of the installation, from board and provisioning. */
  "installation",
  /** The owner's setting. */
  "owner",
  /** The owner or an energy manager has paused charging: 0 A. */
  "paused",
  /** The number of phases is being changed: 0 A. */
  "phase-switching",
  /** The energy manager's limit, while its lease lasts. */
  "load-management",
  /** The limit while no energy manager has a lease. */
  "fallback",
  /** The cable's current, by its proximity pilot. */
  "cable",
  /** The grant of the session under way. */
  "card",
] as const);

export type LimitName = (typeof LIMIT_NAMES)[number] | "temperature";

/** Limits in A; a limit that is missing does not apply. */
export type CurrentLimits = Readonly<Partial<Record<LimitName, number | undefined>>>;

/** Current that a station may offer, and the limit that it comes from. */
export interface Offer {
  /** A whole number from 6 to 32 A; 0: no current. */
  readonly currentA: number;
  readonly limitedBy: LimitName;
}

/** Temperature inside the station. */
export interface Heat {
  /** `undefined`: the sensor is broken. */
  readonly temperatureC: number | undefined;
  /** The station is too hot to offer current (`isTooHot`). */
  readonly isTooHot: boolean;
}

/** Returns the offer under these limits; `heat` is missing on a station without a thermometer. */
export function offerOf(limits: CurrentLimits, heat?: Heat): Offer {
  let lowestA = MAX_CURRENT_A;
  let limitedBy: LimitName = "installation";
  for (const name of LIMIT_NAMES) {
    const limitA = limits[name];
    // Written so that NaN is the lowest.
    if (limitA === undefined || limitA >= lowestA) continue;
    lowestA = limitA >= MIN_CURRENT_A ? Math.floor(limitA) : 0;
    limitedBy = name;
  }
  if (!heat) return { currentA: lowestA, limitedBy };
  const cooledA = deratedA(lowestA, heat.temperatureC, heat.isTooHot);
  return cooledA < lowestA
    ? { currentA: cooledA, limitedBy: "temperature" }
    : { currentA: lowestA, limitedBy };
}

/** Whether a current can be a limit, A: 0, which pauses, or 6-32. No vehicle charges with 1-5 A (IEC 61851-1 table A.8). */
export function isCurrentLimit(currentA: number): boolean {
  return currentA === 0 || (currentA >= MIN_CURRENT_A && currentA <= MAX_CURRENT_A);
}
