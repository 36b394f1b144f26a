export { type BoardParts, Device, type DeviceOptions } from "./device.js";
export { Halted, Life, type RunEnd } from "./life.js";
export { makeSockets, type Sockets, type WorldListenerOptions } from "./sockets.js";
export { Flash } from "./storage.js";
