/** Receives faults and events that a person should know of: they go to the log, to telemetry and to the owner's app. */
export interface FaultReporter {
  /** @param message a sentence without secrets; it starts with the part that is affected */
  reportFault(message: string): void;
}
