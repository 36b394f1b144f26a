/** A phone's side of cards that cannot be copied (docs/protocol.md, section 3), without Web Crypto's promises. */

import { sha256 } from "@noble/hashes/sha2.js";
import type { AuthorizationResult, ProofCard } from "../../../docs/station.js";
import type { Bytes } from "../../../modules/board/index.js";
import { asUint8Array, decodeBase64URL, encodeHex } from "../../../modules/bytes/index.js";
import {
  NONCE_BYTES,
  proofOf,
  receiptOf,
  STATION_BYTES,
  stationKeyOf,
  writeCardProof,
} from "../../../modules/card-proof/index.js";

/** The hash function of the proofs. */
export const HASH = { sha256: (data: Bytes) => Uint8Array.from(sha256(asUint8Array(data))).buffer };

/** A card's answer to a challenge. */
export interface Proof {
  /** The text that the phone writes. */
  readonly text: string;
  /** Whether a read result has the platform's receipt for this proof. */
  isConfirmedBy(result: AuthorizationResult | undefined): boolean;
}

/** Answers a challenge; `undefined` for a malformed one. Throws for a card with an invalid secret. */
export function prove({ cardId, secret }: ProofCard, challenge: Uint8Array): Proof | undefined {
  if (challenge.length !== STATION_BYTES + NONCE_BYTES) return undefined;
  const bytes = decodeBase64URL(secret);
  if (!bytes) throw new Error("the card's secret is not base64url");
  const station = encodeHex(challenge.slice(0, STATION_BYTES));
  const nonce = encodeHex(challenge.slice(STATION_BYTES));
  const key = stationKeyOf(HASH, bytes, station);
  return {
    text: writeCardProof({ cardId, proof: proofOf(HASH, key, { station, nonce, cardId }) }),
    isConfirmedBy: (result) =>
      result?.receipt !== undefined && result.receipt === receiptOf(HASH, key, { nonce, code: result.code }),
  };
}
