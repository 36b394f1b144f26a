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

/** What happens to a new session; `remarkable`: it is accepted, and an operator should look at its station. */
export type SessionAdmission = "accepted" | "remarkable" | "refused";

export class DailyLimits {
  readonly #sessions: WindowCounter;

  constructor(now?: () => number) {
    this.#sessions = new WindowCounter({ windowMs: DAY_MS, now });
  }

  /** Counts a new session of a device. The first one beyond `REMARKABLE_SESSIONS` is remarkable. */
  admitSession(deviceId: string): SessionAdmission {
    const count = this.#sessions.add(deviceId);
    if (count > MAX_SESSIONS) return "refused";
    return count === REMARKABLE_SESSIONS + 1 ? "remarkable" : "accepted";
  }
}
