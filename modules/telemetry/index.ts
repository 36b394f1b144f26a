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
} from "./telemetry.js";
export { type Property, STATS_INTERVAL_S, type Tree, type TreeNode } from "./tree.js";
