/** Finds card numbers that can be guessed. The plain number of a card is all that charges with it. */

import type { TagEntry } from "./entries.js";

/**
 * Fewest random bits of a number that is not marked. At a station's 30 unknown tags an hour, a number with 30 bits of one
 * of 1,000 cards is found within about four years. The unique number of an RFID card has 32 bits or more.
 */
const MIN_BITS = 30;
/** Length from which a number of letters only is taken for a random one, characters. */
const RANDOM_CHARS = 16;
/** Characters at the end of a number in which the numbers of one batch differ. */
const BATCH_END_CHARS = 2;

/** A function that says why a card's number can be guessed, as a sentence; `undefined` for a good one. */
export type GuessFinder = (card: TagEntry) => string | undefined;

/** Makes a finder for cards among all cards of the platform. */
export function guessFinder(cards: readonly TagEntry[]): GuessFinder {
  const batches = new Map<string, number>();
  for (const { tag } of cards) batches.set(batchOf(tag), (batches.get(batchOf(tag)) ?? 0) + 1);
  return ({ tag, accepts }) => {
    // The number of a card that accepts only proofs is public.
    if (accepts === "proof") return undefined;
    const isInBatch = (batches.get(batchOf(tag)) ?? 0) > 1;
    const why = weaknessOf(tag) ?? (isInBatch ? "another card's number differs only at its end" : undefined);
    return (
      why &&
      `${tag} can be guessed: ${why}. Let the platform make the number, or let the card accept only proofs.`
    );
  };
}

function batchOf(tag: string): string {
  return `${tag.length} ${tag.slice(0, -BATCH_END_CHARS)}`;
}

function weaknessOf(tag: string): string | undefined {
  const characters = tag.replace(/[_.:-]/g, "");
  const [, word = "", digits = ""] = /^([A-Za-z]+)(\d*)$/.exec(characters) ?? [];
  if (word !== "" && characters.length < RANDOM_CHARS) {
    if (bitsOf(digits) >= MIN_BITS) return undefined;
    return digits === "" ? "it is a word" : `it is a word and ${digits.length} digits`;
  }
  return bitsOf(characters) < MIN_BITS ? "it is too short or too regular" : undefined;
}

/** Upper bound of the random bits of letters and digits. A run such as `000` or `123` counts as one character. */
function bitsOf(characters: string): number {
  const steps = Array.from(characters, (_, i) =>
    i === 0 ? Number.NaN : characters.charCodeAt(i) - characters.charCodeAt(i - 1),
  );
  const isOfRun = (i: number) =>
    Math.abs(steps[i] ?? 2) <= 1 && (steps[i - 1] === steps[i] || steps[i + 1] === steps[i]);
  const counted = steps.filter((_, i) => !isOfRun(i)).length;
  return counted * Math.log2(alphabetOf(characters));
}

/** Number of characters in the smallest usual alphabet of a text. */
function alphabetOf(characters: string): number {
  if (/^\d*$/.test(characters)) return 10;
  if (/^([\dA-F]*|[\da-f]*)$/.test(characters)) return 16;
  return /^([\dA-Z]*|[\da-z]*)$/.test(characters) ? 36 : 62;
}
