/** Export of the sessions as CSV (RFC 4180), with the reasons why they are doubtful. It has no hashes of tags. */

import type { SessionEntry } from "../entries.js";
import { doubtsOf } from "../session-doubts.js";
import { formatCSV } from "./csv.js";

const COLUMNS = [
  "device",
  "id",
  "owner",
  "start",
  "end",
  "seconds",
  "startWh",
  "endWh",
  "method",
  "tagEnd",
  "why",
  "doubts",
  "signed",
] as const;

/** Formats sessions, one a row. Times are ISO 8601, and empty if the station did not know them. */
export function formatSessions(sessions: readonly SessionEntry[]): string {
  const rows = sessions.map((session) => {
    const cells = {
      ...session,
      start: timeOf(session.start),
      end: timeOf(session.end),
      doubts: doubtsOf(session).join("; "),
      signed: session.signed ?? "",
    };
    return COLUMNS.map((column) => String(cells[column]));
  });
  return formatCSV(COLUMNS, rows);
}

/** Latest time of a JavaScript date, s. */
const MAX_DATE_S = 8.64e12;

function timeOf(timeS: number | null): string {
  if (timeS === null) return "";
  return timeS <= MAX_DATE_S ? new Date(timeS * 1000).toISOString() : String(timeS);
}
