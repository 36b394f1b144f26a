/** Number of weeks from which every listed event must have happened. */
const ENOUGH_WEEKS = 100;

/** Events that a run must include. Without them, a run without violations proves nothing. */
const HAS_TO_HAPPEN = [
  "session",
  "resumed",
  "power-cut",
  "crash",
  "shorted",
  "without-diode",
  "bounces",
  "dead energy manager",
  "busy firmware",
  "busy as the vehicle leaves C",
  "next vehicle",
  "swipe alone",
  "pile of cards",
  "mad app",
  "replay",
  "crowded day",
  "given up",
  "hours without a platform",
  "hours in which no session is taken",
  "hours in which sessions fail",
  "modbus meter",
  "meter silent",
  "meter bad-crc",
  "meter slow",
  "set access/tag-learning",
  "set $options/free",
  ...[200, 400, 401, 403, 408, 409, 423, 429, 500, 502, 503].map((code) => `result ${code}`),
  ...["session", "log", "options", "restarts", "local list"].flatMap((record) => [
    `cut before ${record}`,
    `cut after ${record}`,
  ]),
];

/** Listed events that never happened; empty for a run with too few weeks. */
export function neverHappened(counts: Readonly<Record<string, number>>, weeks: number): string[] {
  return weeks < ENOUGH_WEEKS ? [] : HAS_TO_HAPPEN.filter((what) => !counts[what]);
}
