export { type BoardParts, Device, type DeviceOptions } from "./device.js";
export { type EndOfLife, Halted, Life } from "./life.js";
export { makeSockets, type Sockets, type WorldListenerOptions } from "./sockets.js";
export { Flash } from "./storage.js";
