/** How a platform answers a request (protocol, section 4), in plain JavaScript, for worlds without Node. */

import { cbc, gcm } from "@noble/ciphers/aes.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Cipher } from "../../../modules/settings/index.js";

export interface Answer {
  /** The response topic, which GCM authenticates. */
  readonly topic: string;
  readonly id: string;
  readonly status: string;
  readonly code: string;
  readonly data: unknown;
}

export interface Sealing {
  readonly cipher: Cipher;
  /** 32 bytes */
  readonly key: Uint8Array;
  /** 12 random bytes for GCM, 16 for CBC; never the same twice under one key. */
  readonly iv: Uint8Array;
}

/** The bytes that stand as base64 in the response's `data`. */
export function seal(answer: Answer, { cipher, key, iv }: Sealing): Uint8Array<ArrayBuffer> {
  const plain = encodeUTF8(JSON.stringify(answer.data));
  const additionalData = encodeUTF8(`${answer.topic}|${answer.id}|${answer.status}|${answer.code}`);
  const sealed =
    cipher === "aes-256-gcm" ? gcm(key, iv, additionalData).encrypt(plain) : cbc(key, iv).encrypt(plain);
  return concatBytes(Uint8Array.from(iv), Uint8Array.from(sealed));
}

/** The response message. */
export function sealedResponse(answer: Answer, sealing: Sealing): Record<string, string> {
  const { id, status, code } = answer;
  return { status, code, id, data: base64(seal(answer, sealing)) };
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** RFC 4648 section 4. The firmware reads base64 and never writes it. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3);
    const group = (a << 16) | (b << 8) | c;
    const left = bytes.length - i;
    text += DIGITS.charAt(group >> 18) + DIGITS.charAt((group >> 12) & 63);
    text += left > 1 ? DIGITS.charAt((group >> 6) & 63) : "=";
    text += left > 2 ? DIGITS.charAt(group & 63) : "=";
  }
  return text;
}
