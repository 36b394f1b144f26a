/** Parser for untrusted JSON: no exceptions, and a type check for each field. Formatter that accepts constants. */

import type { Bytes } from "../board/index.js";
import { asUint8Array, decodeUTF8 } from "../bytes/index.js";

/** A parsed JSON object with unchecked fields. */
export type JSONObject = Readonly<Record<string, unknown>>;

/** Whether a value is an object, neither `null` nor an array. */
export function isJSONObject(value: unknown): value is JSONObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Highest nesting depth of objects and arrays, the outermost included. `JSON.parse` of XS recurses at each level, and
 * an exhausted stack ends the machine: `try` does not catch it. Messages of docs/protocol.md nest at most 4 deep.
 */
const MAX_DEPTH = 8;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Counts a character in a text, up to `MAX_DEPTH` + 1. */
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

/** Whether `text` has too few brackets to be deep. Most texts have, and `indexOf` counts far faster than a loop. */
function hasFewBrackets(text: string): boolean {
  return occurrences(text, "{") + occurrences(text, "[") <= MAX_DEPTH;
}

/**
 * Whether `bytes` nest at most `MAX_DEPTH` deep. Malformed JSON is checked too: `JSON.parse` recurses up to the error.
 */
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

/** Returns the index of a string's closing quote; the length of `bytes` when the quote is missing. */
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

/** Parses a JSON object from UTF-8; `undefined` for any other input, and for an object that nests too deep. */
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

/** Returns an own string field of 1 to `maxLength` UTF-16 units; `undefined` otherwise. */
export function textField(object: JSONObject, name: string, maxLength: number): string | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === "string" && value.length > 0 && value.length <= maxLength ? value : undefined;
}

/** Returns an own number field from `min` to `max`, both included, and 0 for -0; `undefined` otherwise. */
export function numberField(
  object: JSONObject,
  name: string,
  range: { min: number; max: number },
): number | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === "number" && value >= range.min && value <= range.max ? value + 0 : undefined;
}

/**
 * Formats a value as JSON. `JSON.stringify` of XS marks each object that it enters. It throws "read only value" for a
 * constant of a module, which the chip has in flash.
 */
export function formatJSON(value: unknown): string {
  return JSON.stringify(value, copied);
}

/** Replacer of `JSON.stringify`: copies an object, so that the engine can mark it. */
function copied(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? value.slice() : { ...value };
}
