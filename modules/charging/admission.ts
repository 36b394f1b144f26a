import type { Grant } from "./machine.js";

/** A plugged-in vehicle that may be authorized. */
export interface Admission {
  /**
   * Authorizes the vehicle. Returns `false` without a change when the vehicle has left, has a session, or was stopped
   * since the admission.
   * @param resumedId id of the session to resume; a new session without it
   */
  authorize(grant: Grant, resumedId?: string): boolean;
}
