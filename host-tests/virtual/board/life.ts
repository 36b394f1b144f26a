import type { Guard } from "../../../firmware/boards/guard.js";
import type { Clock, Timer } from "../../../modules/board/index.js";

/** What the board throws once its life is over, to unwind firmware that still runs: nothing of it runs again. */
export class Halted extends Error {
  constructor() {
    super("the firmware has ended");
    this.name = "Halted";
  }
}

/** How one run of the firmware ended. */
export type RunEnd =
  | { readonly type: "power-cut" }
  /** The firmware asked for it. */
  | { readonly type: "restart"; readonly reason: string }
  /** An exception escaped a callback: the chip restarts. */
  | { readonly type: "crash"; readonly error: unknown };

/**
 * One run of the firmware, from boot to restart or power cut. All that the board calls goes through it, so that a
 * dead firmware is never called, and an exception ends it as it would on the chip.
 */
export class Life implements Guard {
  #clock: Clock;
  #onEnd: (end: RunEnd) => void;
  #resources = new Set<() => void>();
  #isOver = false;
  #hangs = false;

  constructor(options: { clock: Clock; onEnd: (end: RunEnd) => void }) {
    this.#clock = options.clock;
    this.#onEnd = options.onEnd;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls the firmware. */
  run(callback: () => void): void {
    if (this.#isOver || this.#hangs) return;
    try {
      callback();
    } catch (error) {
      if (this.#hangs) return;
      // Of no effect for `Halted`, and for what follows from it.
      this.end({ type: "crash", error });
    }
  }

  /** Calls the firmware soon, never from inside its own call. */
  soon(callback: () => void): void {
    this.#clock.set(() => this.run(callback), 0);
  }

  /**
   * What is still held when the life ends is given back by `release`. Returns how to give it back before. Throws
   * `Halted` when the life is over: firmware that goes on after its end gets nothing any more.
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

  /** Ends it, once: gives everything back, then tells. */
  end(end: RunEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const release of this.#resources) release();
    this.#resources.clear();
    this.#onEnd(end);
  }

  /** Ends it from inside the firmware's own call, which does not return. */
  halt(end: RunEnd): never {
    this.end(end);
    throw new Halted();
  }

  /** The firmware's own call never ends: it is not called any more, and what it holds it goes on to hold. */
  hang(): never {
    this.#hangs = true;
    throw new Halted();
  }

  /** The clock as this run of the firmware has it: its timers die with it. */
  clock(): Clock {
    const clock = this.#clock;
    return {
      monotonicMs: () => clock.monotonicMs(),
      epochMs: () => clock.epochMs(),
      set: (callback, delayMs) => clock.set(() => this.run(callback), delayMs),
      repeat: (callback, periodMs) => {
        const timer: Timer = clock.repeat(
          () => (this.#isOver ? clock.clear(timer) : this.run(callback)),
          periodMs,
        );
        return timer;
      },
      clear: (timer) => clock.clear(timer),
    };
  }
}
