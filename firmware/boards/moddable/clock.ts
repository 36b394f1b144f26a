import Time from "time";
import Timer from "timer";
import type { Clock, Timer as TimerHandle } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";

/** Earliest valid wall clock time without the day of the build: 2024-01-01 UTC, ms. The chip starts in 1970. */
const EARLIEST_EPOCH_MS = 1_704_067_200_000;

interface SDKTimer extends TimerHandle {
  native: object | undefined;
}

/** A clock over the SDK's timers and ticks. */
export class ModdableClock implements Clock {
  private readonly _guard: Guard;
  private readonly _earliestMs: number;
  private _lastTicks = Time.ticks;
  private _monotonicMs = 0;

  /** @param earliestMs start of the day of the build, ms since 1970: an earlier time is wrong */
  constructor(guard: Guard, earliestMs = EARLIEST_EPOCH_MS) {
    this._guard = guard;
    this._earliestMs = earliestMs;
  }

  monotonicMs(): number {
    // The ticks have 32 bits: `delta` is right if this is called at least once in 24 days.
    this._monotonicMs += Time.delta(this._lastTicks);
    this._lastTicks = Time.ticks;
    return this._monotonicMs;
  }

  epochMs(): number | undefined {
    const epochMs = Date.now();
    return epochMs < this._earliestMs ? undefined : epochMs;
  }

  set(callback: () => void, delayMs: number): TimerHandle {
    if (!(delayMs >= 0)) throw new RangeError(`a timer needs a delay of 0 ms or more, not ${delayMs}`);
    const timer: SDKTimer = { kind: "timer", native: undefined };
    timer.native = Timer.set(() => {
      timer.native = undefined;
      this._guard.run(callback);
    }, Math.ceil(delayMs));
    return timer;
  }

  repeat(callback: () => void, periodMs: number): TimerHandle {
    if (!(periodMs >= 1)) throw new RangeError(`a timer needs a period of 1 ms or more, not ${periodMs}`);
    const native = Timer.repeat(() => this._guard.run(callback), Math.ceil(periodMs));
    return { kind: "timer", native } as SDKTimer;
  }

  clear(handle: TimerHandle | undefined): void {
    const timer = handle as SDKTimer | undefined;
    if (!timer?.native) return;
    Timer.clear(timer.native);
    timer.native = undefined;
  }
}
