import type { Storage } from "../board/index.js";
import { messageOf } from "../errors/index.js";
import { isJSONObject, type JSONObject, parseJSONObject } from "../json/index.js";
import { deviceFormat } from "../settings/index.js";
import { checkWiring, chipOf } from "./check.js";
import type { Wiring } from "./wiring.js";

/**
 * Storage key that provisioning writes beside a record `device` with a wiring. NVS deletes a value that it cannot read:
 * this key then tells a board that has lost its wiring from a board without one.
 */
export const WIRED_KEY = "wired";

/**
 * Reads the wiring from the provisioned record `device`. Returns `builtIn` if none was provisioned, and a message if the
 * wiring is lost, damaged, or for another chip than `chipId`: no pin may be driven then, because the built-in wiring can
 * be wrong for the board.
 */
export function readWiring<T extends Wiring>(
  storage: Storage,
  builtIn: T,
  chipId: number,
): T | Wiring | string {
  let device: JSONObject | undefined;
  try {
    const bytes = storage.read(deviceFormat.key);
    if (!bytes) return storage.read(WIRED_KEY) ? "the record device is lost" : builtIn;
    device = parseJSONObject(bytes);
  } catch (error) {
    return `the record device cannot be read: ${messageOf(error)}`;
  }
  if (!device) return "the record device cannot be read";
  if (Object.hasOwn(device, "wiring")) return wiringIn(device.wiring, chipId);
  return storage.read(WIRED_KEY) ? "the record device has no wiring" : builtIn;
}

/** Returns a valid wiring of a chip; otherwise a message with the first mistake. */
export function wiringIn(value: unknown, chipId: number): Wiring | string {
  if (!isJSONObject(value)) return "wiring: invalid value";
  let first: string | undefined;
  checkWiring(value, (field, mistake) => {
    first ??= `${field}: ${mistake}`;
  });
  if (first === undefined && chipOf(value)?.id !== chipId) return "wiring for another chip";
  return first ?? (value as unknown as Wiring);
}
