import type { Pins } from "../../modules/board/index.js";

/**
 * Returns the names of protective inputs that a station lacks (docs/protocol.md, section 2). A station without a lock has
 * a cable of its own, so that it lacks no feedback of a lock.
 */
export function missingInputs(pins: Pins): readonly string[] {
  const missing: string[] = [];
  if (pins.contactorFeedback === undefined) missing.push("weld-check");
  if (pins.residualCurrent === undefined) missing.push("residual-current");
  else if (pins.residualCurrentTest === undefined) missing.push("residual-current-test");
  if (pins.temperatureCutOff === undefined) missing.push("temperature-cut-off");
  if (pins.protectiveEarth === undefined) missing.push("protective-earth");
  if (pins.lock !== undefined && pins.lockFeedback === undefined) missing.push("lock-feedback");
  return missing;
}
