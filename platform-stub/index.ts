export { usernameOf, userTopicOf } from "./accounts.js";
export type { DeviceEntry, RegistryData, User } from "./entries.js";
export { type Account, writeMosquittoFiles } from "./mosquitto.js";
export { type Platform, type PlatformOptions, startPlatform } from "./platform.js";
export { Registry } from "./registry.js";
export type { Request } from "./responder.js";
export type { Response } from "./sealing.js";
