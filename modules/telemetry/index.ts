export { type HomieDevice, type HomieNode, type Property, STATS_INTERVAL_S } from "./device.js";
export {
  farewell,
  greeting,
  homieRoot,
  type LogLevel,
  lastWill,
  Telemetry,
  type TelemetryIdentity,
  type TelemetryMessage,
  type TelemetryOptions,
  type TelemetryOutlet,
  type TelemetrySource,
} from "./telemetry.js";
