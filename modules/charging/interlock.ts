import type { Fault } from "../faults/index.js";

/** Situation of the charging machine. */
export interface Situation {
  /** A vehicle is plugged in, and the station is not faulted. */
  readonly isPlugged: boolean;
  /** The plug is commanded locked. */
  readonly isLocked: boolean;
  readonly isContactorClosed: boolean;
}

/** Limits of the offer, A; 0: no offer. A limit that is missing does not apply. */
export interface InterlockLimits {
  /** Current of the plugged-in cable. */
  readonly cable?: number;
  /** A monitored phase has no voltage. */
  readonly supply?: 0;
}

/** Condition of charging: an input, or an equipment that is tested. */
export interface Interlock {
  readonly limits: InterlockLimits | undefined;
  /** Fault that lasts, also without a vehicle. */
  readonly fault: Fault | undefined;
  /** Whether the contactor may close now. If it may not, the interlock reports the change to its host later. */
  isReady(): boolean;
  handleSituation(situation: Situation): void;
  close(): void;
}

export interface InterlockHost {
  /** Opens the contactor and faults the station. */
  fail(fault: Fault): void;
  /** Reports a fault that does not end charging. */
  warn(fault: Fault): void;
  /** `limits`, `fault` or `isReady()` may have changed. */
  handleInterlockChanged(): void;
}
