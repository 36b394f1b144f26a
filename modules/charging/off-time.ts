import type { Fault } from "../faults/index.js";

/**
 * Minimum off time of the contactor, ms. Shorter cycles wear the contacts and leave no time for the feedback check. It
 * has to stay below 3 s, the longest time from C to current (IEC 61851-1 table A.6).
 */
export const MIN_OFF_MS = 2000;
/** Longest off time, ms. */
const MAX_OFF_MS = 5 * 60_000;
/** Openings in a row after which the off time grows. */
const ALLOWED = 8;
/** Time in which one opening is forgotten, ms. */
const FORGET_MS = 2 * 60_000;
/** Level at which the fault is reported; the off time is 32 s. */
const FAULT_LEVEL = 12;

export const CONTACTOR_WEAR: Fault = Object.freeze({
  code: "contactor-wear",
  message: "the contactor was opened too often; the pause before it closes again grows up to 5 min",
} as const);

/**
 * Off time of the contactor, which grows when it opens often, whatever the cause: a vehicle between B and C, a loose
 * plug, a control that pauses and resumes. Each opening raises a level by 1, and it falls by 1 in two minutes. Above 8
 * each further opening doubles the off time, up to 5 min. So there are at most 45 closings in an hour.
 */
export class OffTime {
  private _level = 0;
  private _lastMs = 0;
  private _isReported = false;
  private _isDue = false;

  /** Counts an opening. Returns the time for which the contactor has to stay open, ms. */
  open(nowMs: number): number {
    this._level = Math.max(0, this._level - (nowMs - this._lastMs) / FORGET_MS);
    if (this._level <= ALLOWED) this._isReported = false;
    this._level++;
    this._lastMs = nowMs;
    if (this._level >= FAULT_LEVEL && !this._isReported) {
      this._isReported = true;
      this._isDue = true;
    }
    return Math.min(MAX_OFF_MS, MIN_OFF_MS * 2 ** Math.max(0, this._level - ALLOWED));
  }

  /** Whether the fault has to be reported; once in a row of openings. */
  takeFault(): boolean {
    const isDue = this._isDue;
    this._isDue = false;
    return isDue;
  }
}
