/** Limits of what a holder of a station's key can do in a day. They are in memory, and begin anew with the platform. */

import { WindowCounter } from "./window-counter.js";

const DAY_MS = 24 * 60 * 60_000;
/**
 * Number of new sessions of a station in a day that an operator is told about. After an outage of any length a station
 * reports 64, because it stores no more.
 */
export const REMARKABLE_SESSIONS = 200;
/** Maximum number of new sessions of a station in a day: one every 86 s. A station keeps a refused one and repeats it. */
export const MAX_SESSIONS = 1000;

/** Number of other owners' cards that an owner's stations can try to add in a day. */
export const MAX_TAKEN_TAGS = 5;

/** Fate of a session or tag; `remarkable`: it is accepted, and an operator should look at its sender. */
export type DailyAdmission = "accepted" | "remarkable" | "refused";

export class DailyLimits {
  readonly #sessions: WindowCounter;
  readonly #takenTags: WindowCounter;

  constructor(now?: () => number) {
    this.#sessions = new WindowCounter({ windowMs: DAY_MS, now });
    this.#takenTags = new WindowCounter({ windowMs: DAY_MS, now });
  }

  /** Counts a new session of a device. The first one beyond `REMARKABLE_SESSIONS` is remarkable. */
  admitSession(deviceId: string): DailyAdmission {
    const count = this.#sessions.add(deviceId);
    if (count > MAX_SESSIONS) return "refused";
    return count === REMARKABLE_SESSIONS + 1 ? "remarkable" : "accepted";
  }

  /**
   * Whether a station of an owner may add a tag. Counts a tag that another owner has. The last one of the limit is remarkable,
   * and all further tags are refused.
   */
  admitTag(owner: string, { isTaken }: { readonly isTaken: boolean }): DailyAdmission {
    if (this.#takenTags.countOf(owner) >= MAX_TAKEN_TAGS) return "refused";
    return isTaken && this.#takenTags.add(owner) === MAX_TAKEN_TAGS ? "remarkable" : "accepted";
  }
}
