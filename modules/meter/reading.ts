/**
 * Reading of a station with a meter that has a reading of its own. The station's reading grows by the differences of the
 * meter's: it never decreases, and it continues when the meter is exchanged, rolls over or runs backwards.
 */

/** Highest power that a station can deliver, W: 32 A and 253 V on three phases, and 10 %. */
const MAX_W = 26_800;
/** Difference that is always possible, Wh: the resolution of a meter. */
const RESOLUTION_WH = 100;
/** Highest energy between the latest stored reading and a restart, Wh. Beyond it the meter was exchanged. */
const MAX_UNSTORED_WH = 1000;
const MS_PER_HOUR = 3_600_000;

/** Readings of station and meter. */
export interface Reading {
  /** Reading of the station, Wh. */
  readonly stationWh: number;
  /** Latest accepted reading of the meter, Wh; `undefined` before the first. */
  readonly meterWh: number | undefined;
  /** Time of `meterWh`, ms; `undefined` for one of the previous run. */
  readonly atMs: number | undefined;
  /** The latest answer did not follow `meterWh`. A second one in a row is the reading of another meter. */
  readonly isDoubted: boolean;
}

/** Result of an answer of the meter. */
export interface NextReading {
  readonly reading: Reading;
  /** The station goes on from the meter's new reading, without its difference to the one before. */
  readonly isNewBase: boolean;
}

/** Returns the reading after an answer of the meter. */
export function nextReading(before: Reading, meterWh: number, nowMs: number): NextReading {
  const { stationWh, meterWh: lastWh } = before;
  const next = { stationWh, meterWh, atMs: nowMs, isDoubted: false };
  if (lastWh === undefined) return { reading: next, isNewBase: false };
  const differenceWh = meterWh - lastWh;
  if (differenceWh >= 0 && differenceWh <= mostWh(before, nowMs))
    return { reading: { ...next, stationWh: stationWh + differenceWh }, isNewBase: false };
  // One answer can be wrong in spite of its CRC.
  if (!before.isDoubted) return { reading: { ...before, isDoubted: true }, isNewBase: false };
  return { reading: next, isNewBase: true };
}

function mostWh({ atMs }: Reading, nowMs: number): number {
  return atMs === undefined ? MAX_UNSTORED_WH : RESOLUTION_WH + (MAX_W * (nowMs - atMs)) / MS_PER_HOUR;
}
