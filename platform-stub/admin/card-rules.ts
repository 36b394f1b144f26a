/** What a card has to fit to, wherever it is changed: the page, or a file. */

import type { TagEntry } from "../registry.js";

/** What is there already. */
export interface Known {
  readonly isUser: (email: string) => boolean;
  /** A station's owner. */
  readonly ownerOf: (station: string) => string | undefined;
  readonly card: (tag: string) => TagEntry | undefined;
  /** How many cards there are. */
  readonly cards: number;
}

/**
 * What is wrong with whose a card is and where it is good: a sentence for each. A station that it was good at before is
 * no mistake, though it may have changed hands since: such a card can still be blocked.
 */
export function problemsOf({ tag, owner, stations = [] }: TagEntry, known: Known): string[] {
  if (!known.isUser(owner)) return ["owner: is no user here"];
  const before = known.card(tag);
  const had = before?.owner === owner ? (before.stations ?? []) : [];
  return stations
    .filter((id) => !had.includes(id) && known.ownerOf(id) !== owner)
    .map((id) => {
      const isStation = known.ownerOf(id) !== undefined;
      return `stations: ${id} is ${isStation ? "another owner's station" : "no station here"}`;
    });
}
