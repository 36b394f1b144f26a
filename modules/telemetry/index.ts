export {
  farewell,
  homieRoot,
  lastWill,
  Telemetry,
  type TelemetryIdentity,
  type TelemetryMessage,
  type TelemetryOptions,
} from "./telemetry.js";
