/** Cards that cannot be copied, on the platform's side: their numbers, secrets, proofs and files (docs/protocol.md, section 3). */

import { createHash, randomBytes, randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Bytes } from "../modules/board/index.js";
import {
  asUint8Array,
  decodeBase64URL,
  encodeBase64URL,
  encodeUTF8,
  equalBytes,
} from "../modules/bytes/index.js";
import { CARD_ID_CHARS, proofOf, receiptOf, stationKeyOf, stationOf } from "../modules/card-proof/index.js";
import { writePrivateFile } from "./private-file.js";

/** Length of a card's secret, bytes. */
const SECRET_BYTES = 32;
/** Alphabet of a card id: base32 in lower case (RFC 4648, section 6). */
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** The hash function of the proofs. */
const hash = {
  sha256: (data: Bytes) => new Uint8Array(createHash("sha256").update(asUint8Array(data)).digest()).buffer,
};

/** Makes a card's number: 80 random bits. */
export function makeCardId(): string {
  return Array.from({ length: CARD_ID_CHARS }, () => BASE32[randomInt(BASE32.length)]).join("");
}

/** Makes a card's secret: 32 random bytes in base64url. */
export function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** A card as a phone app imports it from a file. It is all that a second phone needs: a secret. */
export interface CardFile {
  /** Version of the format. */
  readonly v: 1;
  readonly cardId: string;
  readonly secret: string;
  readonly label?: string;
}

/** The link with which a phone app imports a card. */
export function cardLinkOf({ cardId, secret, label }: CardFile): string {
  const named = label === undefined ? "" : `&label=${encodeURIComponent(label)}`;
  return `plugpass:card?id=${cardId}&secret=${secret}${named}`;
}

/** A card file as text. */
export function cardFileText(card: CardFile): string {
  return `${JSON.stringify(card, null, 2)}\n`;
}

/** Writes a card file, readable only by its owner. Overwrites an existing one. */
export function writeCardFile(file: string, card: CardFile): void {
  mkdirSync(dirname(file), { recursive: true });
  writePrivateFile(file, cardFileText(card));
}

/** A card at one station. */
export class StationCard {
  readonly #cardId: string;
  readonly #station: string;
  readonly #key: Uint8Array<ArrayBuffer>;

  constructor({ cardId, secret, deviceId }: { cardId: string; secret: string; deviceId: string }) {
    const bytes = decodeBase64URL(secret);
    if (!bytes) throw new Error(`the secret of the card ${cardId} is not base64url`);
    this.#cardId = cardId;
    this.#station = stationOf(hash, deviceId);
    this.#key = stationKeyOf(hash, bytes, this.#station);
  }

  /** The card's key at this station, 43 characters of base64url. */
  get key(): string {
    return encodeBase64URL(this.#key);
  }

  /** Whether a proof is this card's for a nonce of this station. Compares in constant time. */
  isProof(proof: string, nonce: string): boolean {
    const expected = proofOf(hash, this.#key, { station: this.#station, nonce, cardId: this.#cardId });
    return equalBytes(encodeUTF8(proof), encodeUTF8(expected));
  }

  /** The platform's receipt for a decision, 16 hex digits. */
  receipt(nonce: string, code: 200 | 403): string {
    return receiptOf(hash, this.#key, { nonce, code });
  }
}
