export { type Account, writeMosquittoFiles } from "./mosquitto.js";
export { type Platform, type PlatformOptions, startPlatform } from "./platform.js";
export {
  type DeviceEntry,
  Registry,
  type RegistryData,
  type User,
  usernameOf,
  userTopicOf,
} from "./registry.js";
export type { Request } from "./responder.js";
export type { Response } from "./sealing.js";
