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
export type { Property, Tree, TreeNode } from "./tree.js";
