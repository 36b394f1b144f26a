export { type BoardParts, Device, type DeviceOptions } from "./device.js";
export { FirmwareRun, Halted, type RunEnd } from "./firmware-run.js";
export { PN532_WIRING } from "./pins.js";
export { makeSockets, type Sockets, type WorldListenerOptions } from "./sockets.js";
export { Flash } from "./storage.js";
