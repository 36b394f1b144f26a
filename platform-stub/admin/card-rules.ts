/** Rules for cards, for both sources of changes: the page and an imported file. */

import type { TagEntry } from "../registry.js";

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
 * Mistakes in a card's owner and stations, as sentences. A card may keep a station that has another owner now, so that
 * such a card can still be blocked.
 */
export function problemsOf({ tag, owner, stations = [] }: TagEntry, known: Known): string[] {
  if (!known.isUser(owner)) return ["owner: is not a user of this platform"];
  const before = known.card(tag);
  const had = before?.owner === owner ? (before.stations ?? []) : [];
  return stations
    .filter((id) => !had.includes(id) && known.ownerOf(id) !== owner)
    .map((id) => {
      const isStation = known.ownerOf(id) !== undefined;
      return `stations: ${id} ${isStation ? "belongs to another owner" : "is not a station of this platform"}`;
    });
}
