import type { Crypto } from "../board/index.js";
import { encodeHex, encodeUTF8 } from "../bytes/index.js";

/** A virtual card, as it is written to the tag characteristic: 4-64 characters (protocol, section 3). */
export function isTag(text: string): boolean {
  return /^[A-Za-z0-9_.:-]{4,64}$/.test(text);
}

/** What may be shown of a tag: its last 4 characters, of a short one no more than half. */
export function tagEnd(tag: string): string {
  return tag.slice(tag.length - Math.min(4, Math.floor(tag.length / 2)));
}

/** What is kept of a tag: its lower-case hex SHA-256. */
export function tagHash(crypto: Pick<Crypto, "sha256">, tag: string): string {
  return encodeHex(crypto.sha256(encodeUTF8(tag)));
}
