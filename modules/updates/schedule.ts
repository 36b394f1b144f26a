/** When a station looks for an update by itself. */

/** A fleet does not come all at once. */
export const JITTER_MS = 30 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

/** Minutes since midnight of `HH:MM`; `undefined` for what is none. */
export function parseTimeOfDay(text: string): number | undefined {
  const found = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  return found ? Number(found[1]) * 60 + Number(found[2]) : undefined;
}

/**
 * The next moment to look, ms since 1970: the first `timeOfDay` (minutes, UTC) after `epochMs`, and up to 30 minutes
 * later.
 *
 * @param fraction from 0 to 1, random
 */
export function nextCheck(epochMs: number, timeOfDay: number, fraction: number): number {
  const midnight = Math.floor(epochMs / DAY_MS) * DAY_MS;
  const today = midnight + timeOfDay * 60_000;
  return (today > epochMs ? today : today + DAY_MS) + Math.floor(fraction * JITTER_MS);
}
