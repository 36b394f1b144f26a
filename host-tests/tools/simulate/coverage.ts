/** From as many weeks on, everything has had its chance. */
const ENOUGH_WEEKS = 100;

/** What the simulation is for: were it never tried, a clean run would say nothing. */
const HAS_TO_HAPPEN = [
  "session",
  "resumed",
  "power-cut",
  "crash",
  "shorted",
  "without-diode",
  "bounces",
  "next vehicle",
  "swipe alone",
  "pile of cards",
  "mad app",
  "crowded day",
  "given up",
  "hours without a platform",
  "hours in which no session is taken",
  "hours in which sessions fail",
  "set access/tag-learning",
  "set $options/free",
  ...[200, 400, 403, 408, 409, 423, 429, 500, 502, 503].map((code) => `result ${code}`),
  ...["session", "log", "options", "restarts", "local list"].flatMap((record) => [
    `cut before ${record}`,
    `cut after ${record}`,
  ]),
];

/** What should have happened in so many weeks, and did not. */
export function neverHappened(counts: Readonly<Record<string, number>>, weeks: number): string[] {
  return weeks < ENOUGH_WEEKS ? [] : HAS_TO_HAPPEN.filter((what) => !counts[what]);
}
