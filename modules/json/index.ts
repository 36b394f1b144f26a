/** JSON that comes from outside: read without exceptions, checked field by field. */

import type { Bytes } from "../board/index.js";
import { asUint8Array, decodeUTF8 } from "../bytes/index.js";

export type JSONObject = Readonly<Record<string, unknown>>;

export function isJSONObject(value: unknown): value is JSONObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Objects and arrays within each other, the outermost included. `JSON.parse` of XS recurses at each, and when the stack
 * is exhausted the machine ends: no `try` catches that. Nothing in docs/protocol.md nests deeper than 4.
 */
const MAX_DEPTH = 8;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** How often `character` occurs in `text`, counted up to one more than `MAX_DEPTH`. */
function occurrences(text: string, character: string): number {
  let count = 0;
  for (
    let at = text.indexOf(character);
    at >= 0 && count <= MAX_DEPTH;
    at = text.indexOf(character, at + 1)
  ) {
    count++;
  }
  return count;
}

/** Whether `text` has too few brackets to be deep. That is so for most, and the engine counts far faster than a loop. */
function hasFewBrackets(text: string): boolean {
  return occurrences(text, "{") + occurrences(text, "[") <= MAX_DEPTH;
}

/** Whether `bytes` nest at most `MAX_DEPTH` deep. They need not be JSON: what precedes an error counts. */
function isShallow(bytes: Uint8Array<ArrayBuffer>): boolean {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) depth++;
    else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) depth--;
    if (depth > MAX_DEPTH) return false;
  }
  return true;
}

/** Where the string that starts at `start` has its closing quote; the end of `bytes` if it has none. */
function endOfString(bytes: Uint8Array<ArrayBuffer>, start: number): number {
  let end = start;
  for (;;) {
    const from = end + 1;
    end = bytes.indexOf(QUOTE, from);
    if (end < 0) return bytes.length;
    let escapes = end;
    while (escapes > from && bytes[escapes - 1] === BACKSLASH) escapes--;
    if ((end - escapes) % 2 === 0) return end;
  }
}

/** The object that `bytes` are the UTF-8 JSON text of; `undefined` for anything else, and for one that nests too deep. */
export function parseJSONObject(bytes: Bytes): JSONObject | undefined {
  const text = decodeUTF8(bytes);
  if (text === undefined || !(hasFewBrackets(text) || isShallow(asUint8Array(bytes)))) return undefined;
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
