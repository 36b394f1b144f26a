/** JSON that comes from outside: read without exceptions, checked field by field. */

import type { Bytes } from "../board/index.js";
import { decodeUTF8 } from "../bytes/index.js";

export type JSONObject = Readonly<Record<string, unknown>>;

export function isJSONObject(value: unknown): value is JSONObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that `bytes` are the UTF-8 JSON text of; `undefined` for anything else. */
export function parseJSONObject(bytes: Bytes): JSONObject | undefined {
  const text = decodeUTF8(bytes);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isJSONObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A text field of the object's own of 1 to `maxLength` UTF-16 units. */
export function textField(object: JSONObject, name: string, maxLength: number): string | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === "string" && value.length > 0 && value.length <= maxLength ? value : undefined;
}

/** A finite number field of the object's own between `min` and `max`, both included. */
export function numberField(
  object: JSONObject,
  name: string,
  range: { min: number; max: number },
): number | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === "number" && value >= range.min && value <= range.max ? value : undefined;
}
