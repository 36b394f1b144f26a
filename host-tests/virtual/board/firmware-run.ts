import type { Guard } from "../../../firmware/boards/guard.js";
import type { Clock, Timer } from "../../../modules/board/index.js";

/** Error that the board throws after the end of a run, to unwind firmware that is still on the stack. */
export class Halted extends Error {
  constructor() {
    super("the firmware has ended");
    this.name = "Halted";
  }
}

/** Reason for the end of a run of the firmware. */
export type RunEnd =
  | { readonly type: "power-cut" }
  /** The firmware requested a restart. */
  | { readonly type: "restart"; readonly reason: string }
  /** An exception escaped a callback: the chip restarts. */
  | { readonly type: "crash"; readonly error: unknown };

/**
 * One run of the firmware, from boot to restart or power cut. The board calls the firmware only through it:
 * ended firmware is never called, and an exception ends the run as on the chip.
 */
export class FirmwareRun implements Guard {
  readonly #clock: Clock;
  readonly #onEnd: (end: RunEnd) => void;
  readonly #resources = new Set<() => void>();
  #isOver = false;
  #hangs = false;
  #isBusy = false;
  /** Calls that wait until the firmware is no longer busy. */
  #waiting: (() => void)[] = [];

  constructor(options: { clock: Clock; onEnd: (end: RunEnd) => void }) {
    this.#clock = options.clock;
    this.#onEnd = options.onEnd;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls the firmware. An exception ends the run. */
  run(callback: () => void): void {
    if (this.#isOver || this.#hangs) return;
    if (this.#isBusy) {
      this.#waiting.push(callback);
      return;
    }
    try {
      callback();
    } catch (error) {
      if (this.#hangs) return;
      // Has no effect if the run has already ended, as for `Halted`.
      this.end({ type: "crash", error });
    }
  }

  /** Calls the firmware from a timer, never from inside its own call. */
  soon(callback: () => void): void {
    this.#clock.set(() => this.run(callback), 0);
  }

  /**
   * Registers a resource: `release` is called when the run ends. Returns a function that releases it earlier.
   * Throws `Halted` if the run has ended.
   */
  hold(release: () => void): () => void {
    if (this.#isOver) {
      release();
      throw new Halted();
    }
    this.#resources.add(release);
    return () => {
      if (this.#resources.delete(release)) release();
    };
  }

  /** Ends the run once: releases all resources, then reports the end. */
  end(end: RunEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const release of this.#resources) release();
    this.#resources.clear();
    this.#onEnd(end);
  }

  /** Ends the run from inside the firmware's own call, which does not return. */
  halt(end: RunEnd): never {
    this.end(end);
    throw new Halted();
  }

  /**
   * Simulates a call of the firmware that never returns: the firmware is no longer called, and keeps its
   * resources.
   */
  hang(): never {
    this.#hangs = true;
    throw new Halted();
  }

  /** Simulates a long computation: calls of the firmware wait for its end. The world goes on. */
  busy(durationMs: number): void {
    if (this.#isBusy || this.#isOver) return;
    this.#isBusy = true;
    this.#clock.set(() => {
      this.#isBusy = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const callback of waiting) this.run(callback);
    }, durationMs);
  }

  /** Clock for this run of the firmware. Its timers end with the run, and fire once after the firmware was busy. */
  clock(): Clock {
    const clock = this.#clock;
    const late = new Set<Timer>();
    const fire = (timer: Timer, callback: () => void) => {
      if (!this.#isBusy) this.run(callback);
      else if (!late.has(timer)) {
        late.add(timer);
        this.run(() => late.delete(timer) && callback());
      }
    };
    return {
      monotonicMs: () => clock.monotonicMs(),
      epochMs: () => clock.epochMs(),
      set: (callback, delayMs) => {
        const timer: Timer = clock.set(() => fire(timer, callback), delayMs);
        return timer;
      },
      repeat: (callback, periodMs) => {
        const timer: Timer = clock.repeat(
          () => (this.#isOver ? clock.clear(timer) : fire(timer, callback)),
          periodMs,
        );
        return timer;
      },
      clear: (timer) => {
        clock.clear(timer);
        if (timer) late.delete(timer);
      },
    };
  }
}
