/**
 * Conversions between bytes and text: UTF-8, hex and base64. Malformed input gives `undefined`, never an exception.
 * UTF-8 conversion is the engine's own, on Node and on XS.
 */

import type { Bytes } from "../board/index.js";

/** The UTF-8 conversions of Node, which XS lacks. */
interface Encodings {
  TextEncoder?: new () => { encode(text: string): Uint8Array<ArrayBuffer> };
  TextDecoder?: new (
    label: string,
    options: { fatal: boolean; ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array<ArrayBuffer>): string };
}

/** The UTF-8 conversions of XS, in place of TextEncoder and TextDecoder. */
interface NativeUTF8 {
  fromString(text: string): ArrayBuffer;
  fromArrayBuffer(buffer: ArrayBuffer): string;
}

const { TextEncoder, TextDecoder } = globalThis as Encodings;
const encoder = TextEncoder && new TextEncoder();
const decoder = TextDecoder && new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns a view of the same bytes, without a copy. */
export function asUint8Array(bytes: Bytes): Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(bytes) ? bytes : new Uint8Array(bytes);
}

/** Encodes a text as UTF-8. A lone surrogate becomes U+FFFD. */
export function encodeUTF8(text: string): Uint8Array<ArrayBuffer> {
  if (encoder) return encoder.encode(text);
  return new Uint8Array((ArrayBuffer as unknown as NativeUTF8).fromString(text));
}

/** Decodes UTF-8; `undefined` when `bytes` are not well-formed. */
export function decodeUTF8(bytes: Bytes): string | undefined {
  const view = asUint8Array(bytes);
  try {
    if (decoder) return decoder.decode(view);
    return (String as unknown as NativeUTF8).fromArrayBuffer(view.slice().buffer);
  } catch {
    return undefined;
  }
}

/** Returns the longest prefix of `text` with at most `maxBytes` bytes of UTF-8. It ends between two characters. */
export function truncateUTF8(text: string, maxBytes: number): string {
  const bytes = encodeUTF8(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return decodeUTF8(bytes.subarray(0, end)) ?? "";
}

const HEX = "0123456789abcdef";

/** Encodes bytes as lower-case hex digits, two for each byte. */
export function encodeHex(bytes: Bytes): string {
  let text = "";
  for (const byte of asUint8Array(bytes)) text += HEX.charAt(byte >> 4) + HEX.charAt(byte & 15);
  return text;
}

/** Decodes hex digits of either case; `undefined` when `text` is not an even number of them. */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  const digits = text.toLowerCase();
  for (let i = 0; i < bytes.length; i++) {
    const high = HEX.indexOf(digits.charAt(2 * i));
    const low = HEX.indexOf(digits.charAt(2 * i + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function base64Values(): Uint8Array<ArrayBuffer> {
  const values = new Uint8Array(128).fill(0xff);
  for (let i = 0; i < 64; i++) values[BASE64.charCodeAt(i)] = i;
  return values;
}

const BASE64_VALUES = base64Values();

/** Decodes the canonical, padded form of RFC 4648 section 4; `undefined` for any other text, also with white space. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const digits = text.length - padding;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let bits = 0;
  let bitCount = 0;
  let written = 0;
  for (let i = 0; i < digits; i++) {
    const value = BASE64_VALUES[text.charCodeAt(i)] ?? 0xff;
    if (value === 0xff) return undefined;
    bits = ((bits << 6) | value) & 0xffffff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[written++] = bits >> bitCount;
    }
  }
  const unusedBits = bits & ((1 << bitCount) - 1);
  return unusedBits === 0 ? bytes : undefined;
}

const BASE64URL = `${BASE64.slice(0, 62)}-_`;

/** Encodes bytes as base64url without padding (RFC 4648 section 5). */
export function encodeBase64URL(bytes: Bytes): string {
  let text = "";
  let bits = 0;
  let bitCount = 0;
  for (const byte of asUint8Array(bytes)) {
    bits = ((bits & 0x3f) << 8) | byte;
    for (bitCount += 8; bitCount >= 6; ) {
      bitCount -= 6;
      text += BASE64URL.charAt((bits >> bitCount) & 0x3f);
    }
  }
  return bitCount > 0 ? text + BASE64URL.charAt((bits << (6 - bitCount)) & 0x3f) : text;
}

/** Decodes the canonical form of base64url without padding; `undefined` for any other text. */
export function decodeBase64URL(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (/[^A-Za-z0-9_-]/.test(text)) return undefined;
  const digits = text.replaceAll("-", "+").replaceAll("_", "/");
  return decodeBase64(digits + "=".repeat((4 - (digits.length % 4)) % 4));
}

/** Concatenates bytes in the order of the arguments. */
export function concatBytes(...parts: Bytes[]): Uint8Array<ArrayBuffer> {
  let byteLength = 0;
  for (const part of parts) byteLength += part.byteLength;
  const whole = new Uint8Array(byteLength);
  let offset = 0;
  for (const part of parts) {
    whole.set(asUint8Array(part), offset);
    offset += part.byteLength;
  }
  return whole;
}

/** Compares bytes in constant time for a given length. Use it for tags, keys and passwords. */
export function equalBytes(a: Bytes, b: Bytes): boolean {
  const left = asUint8Array(a);
  const right = asUint8Array(b);
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= (left[i] ?? 0) ^ (right[i] ?? 0);
  return difference === 0;
}
