/** The schedule of automatic update checks. */

/** Maximum random delay of a check, ms. It spreads the load of a fleet on the server. */
export const JITTER_MS = 30 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

/** Parses `HH:MM` to minutes since midnight; `undefined` when it is malformed. */
export function parseTimeOfDay(text: string): number | undefined {
  const found = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  return found ? Number(found[1]) * 60 + Number(found[2]) : undefined;
}

/**
 * Time of the next check, ms since 1970: the first `timeOfDay` (minutes, UTC) after `epochMs`, plus the jitter.
 *
 * @param fraction random share of the jitter, 0 to 1
 */
export function nextCheck(epochMs: number, timeOfDay: number, fraction: number): number {
  const midnight = Math.floor(epochMs / DAY_MS) * DAY_MS;
  const today = midnight + timeOfDay * 60_000;
  return (today > epochMs ? today : today + DAY_MS) + Math.floor(fraction * JITTER_MS);
}
