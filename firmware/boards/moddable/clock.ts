import Time from "time";
import Timer from "timer";
import type { Clock, Timer as TimerHandle } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";

/** Earliest valid wall clock time: 2024-01-01 UTC, ms. The chip starts in 1970. */
const EARLIEST_EPOCH_MS = 1_704_067_200_000;

interface SDKTimer extends TimerHandle {
  native: object | undefined;
}

/** Returns a clock over the SDK's timers and ticks. */
export function makeClock(guard: Guard): Clock {
  let lastTicks = Time.ticks;
  let monotonicMs = 0;

  function start(
    callback: () => void,
    schedule: (callback: () => void) => object,
    isOneShot: boolean,
  ): TimerHandle {
    const timer: SDKTimer = { kind: "timer", native: undefined };
    timer.native = schedule(() => {
      if (isOneShot) timer.native = undefined;
      guard.run(callback);
    });
    return timer;
  }

  return {
    monotonicMs() {
      // The ticks have 32 bits: `delta` is right if this is called at least once in 24 days.
      monotonicMs += Time.delta(lastTicks);
      lastTicks = Time.ticks;
      return monotonicMs;
    },
    epochMs() {
      const epochMs = Date.now();
      return epochMs < EARLIEST_EPOCH_MS ? undefined : epochMs;
    },
    set(callback, delayMs) {
      if (!(delayMs >= 0)) throw new RangeError(`a timer needs a delay of 0 ms or more, not ${delayMs}`);
      return start(callback, (fire) => Timer.set(fire, Math.ceil(delayMs)), true);
    },
    repeat(callback, periodMs) {
      if (!(periodMs >= 1)) throw new RangeError(`a timer needs a period of 1 ms or more, not ${periodMs}`);
      return start(callback, (fire) => Timer.repeat(fire, Math.ceil(periodMs)), false);
    },
    clear(handle) {
      const timer = handle as SDKTimer | undefined;
      if (!timer?.native) return;
      Timer.clear(timer.native);
      timer.native = undefined;
    },
  };
}
