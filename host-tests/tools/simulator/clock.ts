import type { Guard } from "../../../firmware/boards/guard.js";
import { ModdableClock } from "../../../firmware/boards/moddable/clock.js";

/**
 * Makes a clock whose callbacks belong to no run of the firmware, with the guard of such callbacks. The simulator itself
 * reports their exceptions.
 */
export function makeOuterClock(): { clock: ModdableClock; guard: Guard } {
  const guard: Guard = {
    run: (callback) => callback(),
    soon: (callback) => {
      clock.set(callback, 0);
    },
    hold: (release) => release,
  };
  const clock = new ModdableClock(guard);
  return { clock, guard };
}
