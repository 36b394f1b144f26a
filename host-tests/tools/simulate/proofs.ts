/** Guests' cards that cannot be copied, and an attacker who records what their phones write. */

import type { ProofCard } from "../../../docs/station.js";
import { encodeBase64URL } from "../../../modules/bytes/index.js";
import type { Random } from "../../virtual/world/random.js";

/** Cards of guests, by card id. A platform accepts only proofs of them. */
export const PROOF_CARDS: ReadonlyMap<string, ProofCard> = new Map(
  ["guestwithaphonea", "guestwithaphoneb"].map((cardId, i) => [
    cardId,
    { cardId, secret: encodeBase64URL(secretOf(i)) },
  ]),
);

/** The secret of a card by its index in PROOF_CARDS, 32 bytes. */
export function secretOf(index: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, (_, i) => 32 * index + i);
}

/** Number of texts that the attacker remembers. */
const MAX_RECORDED = 20;

/** An attacker in reach of the radio, who records proofs and writes them again. */
export class Recorder {
  #texts: string[] = [];

  record(text: string): void {
    this.#texts = [...this.#texts, text].slice(-MAX_RECORDED);
  }

  /** A recorded proof; `undefined` without one. Half of them are the latest. */
  pick(random: Random): string | undefined {
    if (this.#texts.length === 0) return undefined;
    return random.bool() ? this.#texts.at(-1) : random.pick(this.#texts);
  }
}
