/** Cards of the guests, by their treatment. */

import { PROOF_CARDS } from "./proofs.js";

export interface Cards {
  readonly good: readonly [string, ...string[]];
  /** Not on every version of the local list. */
  readonly listed: readonly string[];
  readonly blocked: readonly string[];
  /** Alternately allowed and blocked. */
  readonly fickle: readonly string[];
  readonly unknown: readonly string[];
  readonly malformed: readonly string[];
  /** Card ids: numbers that are good only with a proof. */
  readonly proved: readonly string[];
  /** Current limits of some cards, A. */
  readonly maxCurrentA: ReadonlyMap<string, number>;
}

/** Digits of the UIDs of 4, 7 and 10 bytes. */
const UID_DIGITS = [8, 14, 20];

/** Returns the cards that suit the card reader, and phones. */
export function cardsOf(hasPN532: boolean): Cards {
  const cards = (...numbers: number[]) => numbers.map((number) => toCard(number, hasPN532));
  return {
    good: [toCard(1, hasPN532), ...cards(2, 3, 4, 5, 6)],
    listed: cards(11, 12),
    blocked: cards(21, 22),
    fickle: cards(41, 42),
    unknown: cards(31, 32, 33),
    malformed: ["a b", "x", "né-à-Paris"],
    proved: [...PROOF_CARDS.keys()],
    maxCurrentA: new Map([3, 4, 41].map((number, i) => [toCard(number, hasPN532), [6, 10, 8][i] ?? 0])),
  };
}

/** Returns the tag of a card: ten digits, or a UID with one of three lengths. */
export function toCard(number: number, hasPN532: boolean): string {
  return String(number).padStart(hasPN532 ? (UID_DIGITS[number % 3] ?? 0) : 10, "0");
}

/** `true` for the tag of a card; phones have others, too. */
export function isSwipeable(tag: string): boolean {
  return /^([0-9]{8}|[0-9]{10}|[0-9]{14}|[0-9]{20})$/.test(tag);
}
