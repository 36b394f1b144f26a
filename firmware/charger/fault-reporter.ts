/** Receives faults and notable events; reports them to the log, to telemetry and to the owner's app. */
export interface FaultReporter {
  /** @param message a sentence without secrets, which starts with the affected part */
  reportFault(message: string): void;
}
