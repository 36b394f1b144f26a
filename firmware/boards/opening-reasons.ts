import type { OpeningReason } from "../../modules/board/index.js";

/** Reasons by their number in `enum guard_reason` (esp32/guard/guard-core.h). */
const REASONS: readonly (OpeningReason | undefined)[] = Object.freeze([
  undefined,
  "pilot",
  "lease",
  "residual-current",
  "too-hot",
  "welded",
  "stuck-open",
  "testing",
]);

/** Returns the reason with a number of the guard; `undefined` for 0. */
export function openingReason(number: number): OpeningReason | undefined {
  return REASONS[number];
}
