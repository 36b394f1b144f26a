/** The JSON messages between the admin page and its server. */

import type { GrantMethod } from "../../modules/charging/index.js";
import type { TagEntry } from "../entries.js";
import type { Exchange, Ignored } from "../traffic.js";

export type { Exchange };
export type Card = TagEntry;

/** A card in the list. */
export interface ListedCard extends Card {
  /** Why the number can be guessed, as a sentence; absent for a good number. */
  readonly warning?: string;
}

/** A card with its secret, for a phone. */
export interface PhoneCard {
  /** `plugpass:card?…` (docs/protocol.md, section 3). */
  readonly link: string;
  /** Rows of the link's QR code with its light border: `1` for a dark module, `0` for a light one. */
  readonly qr: readonly string[];
}

/** The answer to a saved card. */
export interface SavedCard {
  /** Its number, which the platform made if the request had none. */
  readonly tag: string;
  /** Why the number can be guessed, as a sentence. */
  readonly warning?: string;
}

/** The answer to an imported file. */
export interface ImportedCards {
  readonly added: number;
  readonly changed: number;
  /** A sentence for each of the first 20 imported numbers that can be guessed. */
  readonly warnings: readonly string[];
}

/** A page of the cards that match a search. */
export interface Cards {
  /** Number of all cards that match. */
  readonly total: number;
  readonly cards: readonly ListedCard[];
  /** E-mails of all users. */
  readonly owners: readonly string[];
  /** All stations of the platform. */
  readonly stations: readonly { readonly id: string; readonly owner: string }[];
}

export interface Station {
  readonly id: string;
  readonly owner: string;
  /** Published properties by path below the station's root. The texts are untrusted. */
  readonly values: Readonly<Record<string, string>>;
  /** Time since the last message, s; `null`: no message since the platform's start. */
  readonly lastMessageS: number | null;
  /** A new response key is offered, and the station has not used it. */
  readonly isRotating: boolean;
}

/** An owner's acceptance of a station's transfer. */
export interface Acceptance {
  /** E-mail of the new owner. */
  readonly owner: string;
  /** Device id. */
  readonly device: string;
  /** Remaining validity, s. */
  readonly forS: number;
}

export interface Stations {
  /** Whether the platform is connected to its broker. Without it no status is known. */
  readonly isConnected: boolean;
  readonly stations: readonly Station[];
  readonly owners: readonly string[];
  readonly expected: readonly Acceptance[];
}

/** A finished session, without the hash of the tag: the tag could be guessed from it. */
export interface Session {
  readonly device: string;
  readonly id: string;
  readonly owner: string;
  /** Seconds since 1970-01-01 UTC; `null`: the station did not know the time. */
  readonly start: number | null;
  /** Seconds since 1970-01-01 UTC; `null`: the station did not know the time. */
  readonly end: number | null;
  /** When the platform received it, in seconds since 1970-01-01 UTC. */
  readonly accepted: number;
  /** Duration, s. */
  readonly seconds: number;
  readonly energyWh: number;
  readonly tagEnd: string;
  readonly method: GrantMethod;
  readonly why: string;
  /** Implausibilities, as sentences. */
  readonly doubts: readonly string[];
}

export interface Sessions {
  readonly total: number;
  readonly sessions: readonly Session[];
}

/** Energy of each time span between two requested edges, Wh. */
export interface Energy {
  readonly wh: readonly number[];
}

export interface Requests {
  readonly exchanges: readonly Exchange[];
  readonly ignored: readonly Ignored[];
}

/** The answer to a refused call. */
export interface Refusal {
  readonly error: string;
  /** Mistakes of an imported file, with their lines. */
  readonly mistakes?: readonly string[];
}

export const CARDS_PER_PAGE = 50;
export const SESSIONS_PER_PAGE = 50;
