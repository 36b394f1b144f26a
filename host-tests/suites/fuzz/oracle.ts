/** Checks for fuzzers. `expect` takes 20 µs for each, as it records the stack for a failure that does not come. */

import { isDeepStrictEqual } from "node:util";
import { expect } from "@jest/globals";

/** As `expect(actual).toEqual(expected)`. */
export function same<T>(actual: T, expected: T): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

/** Throws with a sentence unless the condition holds. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/**
 * Removes extensions of chunks and trailers from an HTTP message. The firmware ignores them; Node's parser refuses some.
 */
export function withoutExtensions(message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(message).toString("latin1");
  const [head = ""] = /^(?:HTTP\/1.. 1.*?\r\n\r\n)*.*?\r\n\r\n/s.exec(text) ?? [];
  let at = head.length;
  let plain = head;
  for (;;) {
    const [line = "", size = ""] = /^([\da-f]+)[ \t]*(?:;[^\n]*)?\r\n/i.exec(text.slice(at)) ?? [];
    const byteLength = Number.parseInt(size, 16);
    if (!(byteLength > 0)) break;
    const end = at + line.length + byteLength + 2;
    plain += `${size}\r\n${text.slice(at + line.length, end)}`;
    at = end;
  }
  return Uint8Array.from(Buffer.from(`${plain}0\r\n\r\n`, "latin1"));
}

/** Removes white space at the ends of the fields of an HTTP message: RFC 9110 ignores it; Node's parser refuses a tab there. */
export function withoutTrailingSpace(message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(message).toString("latin1");
  const [head = ""] = /^.*?\r\n\r\n/s.exec(text) ?? [];
  const trimmed = head.replace(/[ \t]+\r\n/g, "\r\n");
  return Uint8Array.from(Buffer.from(trimmed + text.slice(head.length), "latin1"));
}
