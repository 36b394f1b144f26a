import type { ChargingState } from "./machine.js";

/** Status of the station. The index of a status is its number in the advertisement (protocol, section 3). */
export const STATION_STATUSES = [
  "available",
  "plugged",
  "authorized",
  "charging",
  "finishing",
  "faulted",
  "unavailable",
  "suspended-by-vehicle",
  "suspended-by-station",
] as const;

export type StationStatus = (typeof STATION_STATUSES)[number];

/**
 * Returns the status of a state. `charging` means that the contactor is closed, so that energy may flow.
 * @param isOffered the station may offer current now
 */
export function statusOf(state: ChargingState, isOffered: boolean): StationStatus {
  switch (state.type) {
    case "ending":
      return "charging";
    case "suspended":
      return isOffered ? "suspended-by-vehicle" : "suspended-by-station";
    case "away":
      return "suspended-by-vehicle";
    default:
      return state.type;
  }
}
