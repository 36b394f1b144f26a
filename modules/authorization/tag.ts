import type { Crypto } from "../board/index.js";
import { encodeHex, encodeUTF8 } from "../bytes/index.js";

/**
 * Whether a text is a well-formed tag of 4-64 characters, as written to the tag characteristic (protocol, section 3).
 */
export function isTag(text: string): boolean {
  return /^[A-Za-z0-9_.:-]{4,64}$/.test(text);
}

/** Returns the part of a tag that may be displayed: its last 4 characters, or half of a shorter tag. */
export function tagEnd(tag: string): string {
  return tag.slice(tag.length - Math.min(4, Math.floor(tag.length / 2)));
}

/** Returns the lower-case hex SHA-256 of a tag. The station stores hashes, never tags. */
export function tagHash(crypto: Pick<Crypto, "sha256">, tag: string): string {
  return encodeHex(crypto.sha256(encodeUTF8(tag)));
}
