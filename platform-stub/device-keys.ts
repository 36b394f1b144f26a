/** Response keys of a device: the present one, and the new one while it is being replaced (docs/protocol.md, section 4). */

import { createHash } from "node:crypto";
import { isSame } from "./accounts.js";
import type { DeviceEntry } from "./entries.js";

const KEY_ID_CHARS = 16;

/** Id of a key: the first 8 bytes of its SHA-256, lower-case hex. */
export function keyIdOf(key: string): string {
  return createHash("sha256").update(Buffer.from(key, "hex")).digest("hex").slice(0, KEY_ID_CHARS);
}

/** The device's key that a request contains or names; `undefined` for another key. A request without both has the present one. */
export function keyOfRequest(
  device: Pick<DeviceEntry, "key" | "nextKey">,
  { key, keyId }: { readonly key?: string; readonly keyId?: string },
): string | undefined {
  const keys = device.nextKey === undefined ? [device.key] : [device.key, device.nextKey];
  if (key !== undefined) return keys.find((one) => isSame(Buffer.from(key, "utf8"), one));
  if (keyId !== undefined) return keys.find((one) => keyIdOf(one) === keyId);
  return device.key;
}
