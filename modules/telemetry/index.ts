export {
  farewell,
  greeting,
  homieRoot,
  lastWill,
  Telemetry,
  type TelemetryIdentity,
  type TelemetryMessage,
  type TelemetryOptions,
} from "./telemetry.js";
