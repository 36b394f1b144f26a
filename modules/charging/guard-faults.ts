import type { OpeningReason } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import { CONTACTOR_WELDED } from "./machine.js";

/** Faults of the guard that end the session, by its reason. */
export const GUARD_FAULTS: Readonly<Partial<Record<OpeningReason, Fault>>> = Object.freeze({
  "residual-current": { code: "residual-current", message: "the residual current device has tripped" },
  "too-hot": { code: "temperature-cut-off", message: "the temperature cut-off has opened" },
  welded: CONTACTOR_WELDED,
  "stuck-open": { code: "contactor-stuck-open", message: "the contactor does not close" },
} as const);
