/** Records of charging sessions that a station may report again. */

import type { SessionEntry } from "./entries.js";

/**
 * Returns a recorded session after another report of it. The first report is kept; a later one only supplies missing
 * times. A report with other values marks the session as disputed.
 */
export function mergeSession(before: SessionEntry, again: SessionEntry): SessionEntry {
  const { start, end, isDisputed } = before;
  const fields = ["tag", "tagEnd", "method", "seconds", "startWh", "endWh", "why", "meterFault"] as const;
  const isOther =
    fields.some((field) => before[field] !== again[field]) ||
    [
      [start, again.start],
      [end, again.end],
    ].some(([first, then]) => first !== null && then !== null && first !== then);
  return {
    ...before,
    start: start ?? again.start,
    end: end ?? again.end,
    ...(isDisputed || isOther ? { isDisputed: true } : {}),
  };
}
