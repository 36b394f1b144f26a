/** Charging sessions: their data, their storage records and the request `session` (protocol, sections 4 and 7). */

import type { GrantMethod } from "../charging/index.js";
import { isJSONObject, type JSONObject, numberField, textField } from "../json/index.js";
import type { RecordFormat } from "../settings/index.js";

/** The card that started a session. */
export interface SessionCard {
  /** Lower-case hex SHA-256 of the tag. */
  readonly tag: string;
  /** The last 4 characters of the tag. */
  readonly tagEnd: string;
  /** The way in which the session was authorized. */
  readonly method: GrantMethod;
}

/** Data of a session under way. */
export interface SessionState extends SessionCard {
  /** 16 lower-case hex digits. */
  readonly id: string;
  /** Granted current, A. */
  readonly currentA: number;
  /** Start, seconds since 1970-01-01 UTC; `undefined` while the station has no wall clock. */
  readonly start: number | undefined;
  /** Duration in seconds, without the time that the station was off. */
  readonly seconds: number;
  /** Meter reading at the start, Wh. */
  readonly startWh: number;
  /** Code of the first fault of metering in the session, or `meter-unread`: energy may be missing. */
  readonly meterFault?: string;
}

/** Data of a finished session. */
export interface FinishedSession extends SessionState {
  /** End, seconds since 1970-01-01 UTC; `undefined` while the station has no wall clock. */
  readonly end: number | undefined;
  /** Meter reading at the end, Wh. */
  readonly endWh: number;
  /** Reason of the end: `unplugged`, `stopped`, `faulted`, or `interrupted` by a power cut or a restart. */
  readonly why: string;
}

/** Content of the record `session`: the session under way and the counters. */
export interface Book {
  /** Meter reading at the time of writing, Wh. */
  readonly meterWh: number;
  /** Number of unreported sessions discarded since the flash was erased. */
  readonly givenUp: number;
  /** Own reading of a Modbus meter when `meterWh` was written, Wh. */
  readonly ownWh?: number;
  readonly session: SessionState | undefined;
  /** Time of writing, seconds since 1970-01-01 UTC; `undefined` without a session or a wall clock. */
  readonly at?: number;
}

/** Content of a log record: a finished session that the platform has not accepted. */
export interface LogEntry {
  /** Position in the log; unique, increasing. */
  readonly order: number;
  /** The counter `givenUp` of the book after this entry: replacing an entry counts it in the same write. */
  readonly givenUp: number;
  readonly session: FinishedSession;
}

/** Maximum number of finished sessions in the log. */
export const LOG_SLOTS = 64;
/** Maximum length of a fault code, characters. */
const MAX_CODE_CHARS = 32;
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
  // Only the firmware writes this field, so its value is not checked.
  const method = textField(fields, "method", 8) as GrantMethod | undefined;
  const currentA = numberField(fields, "currentA", { min: 0, max: 100 });
  const seconds = secondsField(fields, "seconds");
  const startWh = whField(fields, "startWh");
  if (!id || !tag || !tagEnd || !method || currentA === undefined) return undefined;
  if (seconds === undefined || startWh === undefined) return undefined;
  const start = secondsField(fields, "start");
  return { id, tag, tagEnd, method, currentA, start, seconds, startWh, ...meterFaultIn(fields) };
}

function meterFaultIn(fields: JSONObject): Pick<SessionState, "meterFault"> {
  const meterFault = textField(fields, "meterFault", MAX_CODE_CHARS);
  return meterFault === undefined ? {} : { meterFault };
}

/** The record `session`. */
export const bookFormat: RecordFormat<Book> = {
  key: "session",
  version: 1,
  parse(fields) {
    const meterWh = whField(fields, "meterWh");
    const session = isJSONObject(fields.session) ? parseState(fields.session) : undefined;
    if (meterWh === undefined || (fields.session !== undefined && !session)) return undefined;
    const givenUp = secondsField(fields, "givenUp") ?? 0;
    const ownWh = numberField(fields, "ownWh", { min: -MAX_WH, max: MAX_WH });
    // The meter reading must not be below the start of the session.
    return {
      meterWh: Math.max(meterWh, session?.startWh ?? 0),
      givenUp,
      ownWh,
      session,
      at: secondsField(fields, "at"),
    };
  },
  format: (book) => ({ ...book }),
};

/** The record of a log slot, `log0` to `log63`. */
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
    format: ({ session, ...position }) => ({ ...position, ...session }),
  };
}

/** Returns the `data` of the request `session`. */
export function requestOf(session: FinishedSession): JSONObject {
  const { currentA: _, start = null, end = null, ...rest } = session;
  return { connector: 1, ...rest, start, end };
}
