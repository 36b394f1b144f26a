export {
  type Admission,
  Charging,
  type ChargingEvent,
  type ChargingListener,
  type ChargingOptions,
  STATION_STATUSES,
  type StationStatus,
} from "./charging.js";
export { deratedA } from "./derating.js";
export type { ChargingSession, Grant, GrantMethod, SessionEnd } from "./machine.js";
export {
  type CurrentMeasurement,
  isOvercurrent,
  nextOvercurrent,
  type OvercurrentState,
} from "./overcurrent.js";
export { MAX_CURRENT_A, MIN_CURRENT_A } from "./pilot.js";
