/** What is kept of charging sessions, and how it stands in the storage and in the request `session` (protocol, 4 and 7). */

import type { GrantMethod } from "../charging/index.js";
import { isJSONObject, type JSONObject, numberField, textField } from "../json/index.js";
import type { RecordFormat } from "../settings/index.js";

/** Who charges. */
export interface SessionCard {
  /** Lower-case hex SHA-256 of the tag. */
  readonly tag: string;
  /** The last 4 characters of the tag. */
  readonly tagEnd: string;
  readonly method: GrantMethod;
}

/** What is known of a session while it goes on. */
export interface SessionState extends SessionCard {
  /** 16 lower-case hex digits. */
  readonly id: string;
  /** A, what was granted. */
  readonly currentA: number;
  /** Seconds since 1970-01-01 UTC; `undefined` while nobody knows the time. */
  readonly start: number | undefined;
  /** How long it has gone on, in seconds, without the time that the station was off. */
  readonly seconds: number;
  /** The meter at its start. */
  readonly startWh: number;
}

export interface FinishedSession extends SessionState {
  /** Seconds since 1970-01-01 UTC. */
  readonly end: number | undefined;
  readonly endWh: number;
  /** `unplugged`, `stopped`, `faulted`, or `interrupted` by a power cut or a restart. */
  readonly why: string;
}

/** The record `session`: the one under way, and what outlives it. */
export interface Book {
  /** The meter, when this was written. */
  readonly meterWh: number;
  /** Finished sessions that were given up, since the flash was erased. */
  readonly givenUp: number;
  readonly session: SessionState | undefined;
}

/** A finished session that waits for the platform. */
export interface LogEntry {
  /** Their order: another number for each. */
  readonly order: number;
  /** As in the book, at its end: whoever takes the place of another counts it in the same write. */
  readonly givenUp: number;
  readonly session: FinishedSession;
}

/** Finished sessions that wait at most. */
export const LOG_SLOTS = 64;
const MAX_WH = 1e12;
const MAX_S = 1e12;

function whField(fields: JSONObject, name: string): number | undefined {
  return numberField(fields, name, { min: 0, max: MAX_WH });
}

function secondsField(fields: JSONObject, name: string): number | undefined {
  return numberField(fields, name, { min: 0, max: MAX_S });
}

function parseState(fields: JSONObject): SessionState | undefined {
  const id = textField(fields, "id", 16);
  const tag = textField(fields, "tag", 64);
  const tagEnd = textField(fields, "tagEnd", 4);
  // As the firmware has written it.
  const method = textField(fields, "method", 8) as GrantMethod | undefined;
  const currentA = numberField(fields, "currentA", { min: 0, max: 100 });
  const seconds = secondsField(fields, "seconds");
  const startWh = whField(fields, "startWh");
  if (!id || !tag || !tagEnd || !method || currentA === undefined) return undefined;
  if (seconds === undefined || startWh === undefined) return undefined;
  return { id, tag, tagEnd, method, currentA, start: secondsField(fields, "start"), seconds, startWh };
}

export const bookFormat: RecordFormat<Book> = {
  key: "session",
  version: 1,
  parse(fields) {
    const meterWh = whField(fields, "meterWh");
    const session = isJSONObject(fields.session) ? parseState(fields.session) : undefined;
    if (meterWh === undefined || (fields.session !== undefined && !session)) return undefined;
    const givenUp = secondsField(fields, "givenUp") ?? 0;
    // A session does not end before it started.
    return { meterWh: Math.max(meterWh, session?.startWh ?? 0), givenUp, session };
  },
  format: (book) => ({ ...book }),
};

/** `log0` to `log63`. */
export function logFormat(slot: number): RecordFormat<LogEntry> {
  return {
    key: `log${slot}`,
    version: 1,
    parse(fields) {
      const state = parseState(fields);
      const order = secondsField(fields, "order");
      const endWh = whField(fields, "endWh");
      const why = textField(fields, "why", 16);
      if (!state || order === undefined || endWh === undefined || !why) return undefined;
      const givenUp = secondsField(fields, "givenUp") ?? 0;
      return { order, givenUp, session: { ...state, end: secondsField(fields, "end"), endWh, why } };
    },
    format: ({ session, ...place }) => ({ ...place, ...session }),
  };
}

/** The `data` of the request `session`. */
export function requestOf(session: FinishedSession): JSONObject {
  const { currentA: _, start = null, end = null, ...rest } = session;
  return { connector: 1, ...rest, start, end };
}
