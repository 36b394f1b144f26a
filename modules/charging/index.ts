export type { Admission } from "./admission.js";
export { Charging, type ChargingOptions } from "./charging.js";
export { isTooHot } from "./derating.js";
export type { ChargingEvent, ChargingListener } from "./events.js";
export type { InterlockLimits } from "./interlock.js";
export type { ChargingSession, Grant, GrantMethod, SessionEnd } from "./machine.js";
export { type Heat, isCurrentLimit, type LimitName, type Offer, offerOf } from "./offer.js";
export {
  type CurrentMeasurement,
  isOvercurrent,
  nextOvercurrent,
  type OvercurrentState,
} from "./overcurrent.js";
export { nextPhases, OPEN_PHASES, type PhaseState, type Phases } from "./phases.js";
export { MAX_CURRENT_A, MIN_CURRENT_A } from "./pilot.js";
export { CABLE_MAX_OHMS, CABLE_MIN_OHMS, cableCurrentA, LOWEST_CABLE_A } from "./proximity.js";
export { STATION_STATUSES, type StationStatus } from "./status.js";
