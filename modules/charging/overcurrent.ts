/**
 * Overcurrent of a vehicle: it draws more than it is offered. A pure state machine of the measurements: the caller stops
 * the session when `isOvercurrent` returns `true`.
 */

/** Time for which the current has to be too high, ms. */
const OVERCURRENT_MS = 10_000;
/** Time in which a vehicle follows a lower offer, ms (IEC 61851-1 table A.6). */
const ADAPTION_MS = 5000;

/** A measurement while the contactor is closed. */
export interface CurrentMeasurement {
  readonly nowMs: number;
  /** Current that is offered now, A. */
  readonly offeredA: number;
  /** Highest current of a phase, A. */
  readonly currentA: number;
  /** Factor of the offer above which the current is too high. */
  readonly tolerance: number;
}

/** State after a measurement. */
export interface OvercurrentState {
  readonly offeredA: number;
  /** Higher offer that the vehicle may still use until `adaptedMs`, A. */
  readonly formerA: number;
  readonly adaptedMs: number;
  /** First of the measurements in a row with too high a current, ms; `undefined` without one. */
  readonly sinceMs: number | undefined;
}

/** Returns the state after a measurement; `before` is `undefined` for the first one after the contactor has closed. */
export function nextOvercurrent(
  before: OvercurrentState | undefined,
  { nowMs, offeredA, currentA, tolerance }: CurrentMeasurement,
): OvercurrentState {
  let { formerA, adaptedMs } = before ?? { formerA: 0, adaptedMs: 0 };
  if (nowMs >= adaptedMs) formerA = 0;
  if (before && offeredA < before.offeredA) {
    formerA = Math.max(formerA, before.offeredA);
    adaptedMs = nowMs + ADAPTION_MS;
  }
  const isOver = currentA > tolerance * Math.max(offeredA, formerA);
  return { offeredA, formerA, adaptedMs, sinceMs: isOver ? (before?.sinceMs ?? nowMs) : undefined };
}

/** Whether the current has been too high for long enough. */
export function isOvercurrent({ sinceMs }: OvercurrentState, nowMs: number): boolean {
  return sinceMs !== undefined && nowMs - sinceMs >= OVERCURRENT_MS;
}
