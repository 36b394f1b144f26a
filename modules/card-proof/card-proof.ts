/** Cards that cannot be copied: what a phone writes, a platform checks and a station relays (protocol, section 3). */

import type { Bytes, Crypto } from "../board/index.js";
import { asUint8Array, encodeBase64URL, encodeHex, encodeUTF8 } from "../bytes/index.js";
import { hmacSHA256 } from "./hmac.js";

/** Length of a card's public number, characters of base32 (RFC 4648, lower case): 80 bits. */
export const CARD_ID_CHARS = 16;
/** Length of the station's part of a challenge, bytes. */
export const STATION_BYTES = 8;
/** Length of a nonce, bytes. */
export const NONCE_BYTES = 16;
/** Length of a proof, bytes. */
export const PROOF_BYTES = 16;
/** Length of a receipt, bytes. */
const RECEIPT_BYTES = 8;

type Hash = Pick<Crypto, "sha256">;

/** A card that was presented with a proof. */
export interface CardProof {
  readonly cardId: string;
  /** The proof as it was written, 22 characters of base64url. */
  readonly proof: string;
}

/** The two parts of a challenge, in lower-case hex. */
export interface StationChallenge {
  /** Short name of the station, 16 digits; see `stationOf`. */
  readonly station: string;
  /** Random number of the station, 32 digits. */
  readonly nonce: string;
}

/** Whether a text is the number of a card with a secret: 16 characters of base32, lower case. */
export function isCardId(text: string): boolean {
  return /^[a-z2-7]{16}$/.test(text);
}

/** Parses `p1:<card id>:<proof>`; `undefined` for any other text, which is then a plain tag. */
export function parseCardProof(text: string): CardProof | undefined {
  const match = /^p1:([a-z2-7]{16}):([A-Za-z0-9_-]{22})$/.exec(text);
  const [, cardId, proof] = match ?? [];
  return cardId !== undefined && proof !== undefined ? { cardId, proof } : undefined;
}

/** Formats a proof as a phone writes it to the tag characteristic: 42 characters. */
export function writeCardProof({ cardId, proof }: CardProof): string {
  return `p1:${cardId}:${proof}`;
}

/** Short name of a station in a challenge: the first 8 bytes of SHA-256(device id), in lower-case hex. */
export function stationOf(crypto: Hash, deviceId: string): string {
  return encodeHex(asUint8Array(crypto.sha256(encodeUTF8(deviceId))).subarray(0, STATION_BYTES));
}

/**
 * Key of a card at one station, 32 bytes: HMAC-SHA256 of `plugpass-station|<station>` by the card's secret. A station
 * that has it can check proofs for itself, and cannot make one for another station.
 * @param secret the card's secret, 32 bytes
 */
export function stationKeyOf(crypto: Hash, secret: Bytes, station: string): Uint8Array<ArrayBuffer> {
  return asUint8Array(hmacSHA256(crypto, secret, encodeUTF8(`plugpass-station|${station}`)));
}

/** Proof of a card for a challenge, 22 characters of base64url. `stationKey` is from `stationKeyOf`. */
export function proofOf(
  crypto: Hash,
  stationKey: Bytes,
  { station, nonce, cardId }: StationChallenge & { readonly cardId: string },
): string {
  const mac = hmacSHA256(crypto, stationKey, encodeUTF8(`p1|${station}|${nonce}|${cardId}`));
  return encodeBase64URL(asUint8Array(mac).subarray(0, PROOF_BYTES));
}

/**
 * Receipt of the platform for a proof, 16 hex digits. A phone that compares it knows that the platform stands behind
 * the station, and decided with this code.
 * @param code the platform's decision: 200 or 403
 */
export function receiptOf(
  crypto: Hash,
  stationKey: Bytes,
  { nonce, code }: { readonly nonce: string; readonly code: number },
): string {
  const mac = hmacSHA256(crypto, stationKey, encodeUTF8(`ok|${nonce}|${code}`));
  return encodeHex(asUint8Array(mac).subarray(0, RECEIPT_BYTES));
}
