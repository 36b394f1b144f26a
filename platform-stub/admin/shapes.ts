/** What goes between the admin page and its server, as JSON. */

import type { GrantMethod } from "../../modules/charging/index.js";
import type { TagEntry } from "../registry.js";
import type { Exchange, Ignored } from "../traffic.js";

export type Card = TagEntry;

export interface Cards {
  /** How many the search finds, of which these are a part. */
  readonly total: number;
  readonly cards: readonly Card[];
  /** Whom a card may belong to, and where it may be good. */
  readonly owners: readonly string[];
  readonly stations: readonly { readonly id: string; readonly owner: string }[];
}

export interface Station {
  readonly id: string;
  readonly owner: string;
  /** By paths of the Homie tree; the station's own words. */
  readonly values: Readonly<Record<string, string>>;
  /** How long ago it published something, in seconds; null: not since the platform started. */
  readonly heardS: number | null;
}

/** A station that an owner agrees to get. */
export interface Expected {
  readonly owner: string;
  /** Its id; null: whichever asks first. */
  readonly device: string | null;
  /** For how long still, in seconds. */
  readonly forS: number;
}

export interface Stations {
  /** `false`: the platform has lost its broker, and knows nothing of any station. */
  readonly isConnected: boolean;
  readonly stations: readonly Station[];
  readonly owners: readonly string[];
  readonly expected: readonly Expected[];
}

/** Without the tag's hash: whoever has it finds the tag. */
export interface Session {
  readonly device: string;
  readonly id: string;
  readonly owner: string;
  /** Seconds since 1970-01-01 UTC; null where the station did not know. */
  readonly start: number | null;
  readonly end: number | null;
  readonly accepted: number;
  readonly seconds: number;
  readonly energyWh: number;
  readonly tagEnd: string;
  readonly method: GrantMethod;
  readonly why: string;
  /** What cannot be right about it: a sentence for each. */
  readonly doubts: readonly string[];
}

export interface Sessions {
  readonly total: number;
  readonly sessions: readonly Session[];
}

/** Of each span between two edges that were asked for. */
export interface Energy {
  readonly wh: readonly number[];
}

export interface Requests {
  readonly exchanges: readonly Exchange[];
  readonly ignored: readonly Ignored[];
}

/** Of everything that was not done. */
export interface Refusal {
  readonly error: string;
  /** Of a file: each mistake, with its line. */
  readonly mistakes?: readonly string[];
}

export const CARDS_PER_PAGE = 50;
export const SESSIONS_PER_PAGE = 50;
