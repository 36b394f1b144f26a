/** Rules for cards, for both sources of changes: the page and an imported file. */

import type { CardEntry, TagEntry } from "../entries.js";
import { proofProblemOf } from "../fields.js";

/** The existing users, stations and cards. */
export interface Known {
  readonly isUser: (email: string) => boolean;
  /** Owner of a station; `undefined` for an unknown station. */
  readonly ownerOf: (station: string) => string | undefined;
  readonly card: (tag: string) => TagEntry | undefined;
  /** Number of cards. */
  readonly cards: number;
}

/**
 * Mistakes in a card's owner, stations, number and secret, as sentences. A card may keep a station that has another owner now, so that
 * such a card can still be blocked.
 */
export function problemsOf(card: CardEntry, known: Known): string[] {
  const { tag, owner, stations = [] } = card;
  if (!known.isUser(owner)) return ["owner: is not a user of this platform"];
  const before = known.card(tag);
  const had = before?.owner === owner ? (before.stations ?? []) : [];
  const proofProblem = proofProblemOf(card);
  const atForeign = stations
    .filter((id) => !had.includes(id) && known.ownerOf(id) !== owner)
    .map((id) => {
      const isStation = known.ownerOf(id) !== undefined;
      return `stations: ${id} ${isStation ? "belongs to another owner" : "is not a station of this platform"}`;
    });
  return proofProblem === undefined ? atForeign : [proofProblem, ...atForeign];
}
