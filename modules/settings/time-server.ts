import type { Storage } from "../board/index.js";
import { parseJSONObject, textField } from "../json/index.js";
import { deviceFormat } from "./device.js";

/** Highest length of a host name (RFC 1035 2.3.4). */
const MAX_HOST_CHARS = 253;

/** Whether a text can be a time server: a host name or an IPv4 address. */
export function isTimeServer(text: string): boolean {
  return text.length <= MAX_HOST_CHARS && /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text);
}

/** Reads the provisioned time server (SNTP). Returns `undefined` without a valid one; it does not throw. */
export function readTimeServer(storage: Storage): string | undefined {
  try {
    const bytes = storage.read(deviceFormat.key);
    const record = bytes && parseJSONObject(bytes);
    const host = record && textField(record, "timeServer", MAX_HOST_CHARS);
    return host !== undefined && isTimeServer(host) ? host : undefined;
  } catch {
    // readWiring, which reads the same record, reports the error of the flash.
    return undefined;
  }
}
