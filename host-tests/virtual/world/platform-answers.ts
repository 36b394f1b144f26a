/** Responses of a platform (docs/protocol.md, section 4) in plain JavaScript, for worlds without Node. */

import { cbc, gcm } from "@noble/ciphers/aes.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Cipher } from "../../../modules/settings/index.js";

export interface Answer {
  /** Response topic, which GCM authenticates. */
  readonly topic: string;
  readonly id: string;
  readonly status: string;
  readonly code: string;
  readonly data: unknown;
}

export interface Sealing {
  readonly cipher: Cipher;
  /** Key, 32 bytes. */
  readonly key: Uint8Array;
  /** Random initialization vector: 12 bytes for GCM, 16 for CBC. It must be unique for a key. */
  readonly iv: Uint8Array;
}

/** Seals the content of the response's `data` field, before base64. */
export function seal(answer: Answer, { cipher, key, iv }: Sealing): Uint8Array<ArrayBuffer> {
  const plain = encodeUTF8(JSON.stringify(answer.data));
  const additionalData = encodeUTF8(`${answer.topic}|${answer.id}|${answer.status}|${answer.code}`);
  const sealed =
    cipher === "aes-256-gcm" ? gcm(key, iv, additionalData).encrypt(plain) : cbc(key, iv).encrypt(plain);
  return concatBytes(Uint8Array.from(iv), Uint8Array.from(sealed));
}

/** Response message with sealed data. */
export function sealedResponse(answer: Answer, sealing: Sealing): Record<string, string> {
  const { id, status, code } = answer;
  return { status, code, id, data: base64(seal(answer, sealing)) };
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Encodes base64 (RFC 4648 section 4). The firmware only decodes it. */
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
