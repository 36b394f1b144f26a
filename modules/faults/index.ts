/** Faults and their codes. Types only: the catalogue itself is for documentation and panel, and not on the chip. */

import type { Failure } from "../failure/index.js";
import type { CONNECTION_FAILURES, FAULTS } from "./catalogue.js";

/** Code of a fault that a station reports in `charger/last-error` and `/status` (docs/faults.md). */
export type FaultCode = keyof typeof FAULTS;

/** Code of why a station is not connected, in `/status` (docs/faults.md). */
export type ConnectionFailureCode = keyof typeof CONNECTION_FAILURES;

/** Fault with a message about this case: a temperature, the end of a tag. */
export type Fault = Failure<FaultCode>;

/** Receives faults and notable events; reports them to the log, to telemetry, to `/status` and to the owner's app. */
export interface FaultReporter {
  reportFault(fault: Fault): void;
}

/** Receives the ends of faults, too. */
export interface RecoveryReporter extends FaultReporter {
  /** The owner's app is notified. The latest fault stays. */
  reportRecovery(fault: Fault): void;
}
