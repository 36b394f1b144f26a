export {
  type Admission,
  Charging,
  type ChargingOptions,
} from "./charging.js";
export { isTooHot } from "./derating.js";
export type { ChargingEvent, ChargingListener } from "./events.js";
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
export { STATION_STATUSES, type StationStatus } from "./status.js";
