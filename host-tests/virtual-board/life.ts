import type { Clock, Timer } from "../../modules/board/index.js";

/** What a storage write throws when the power goes: it unwinds the firmware, and nothing of it runs again. */
export class PowerCut extends Error {
  constructor() {
    super("the power was cut");
    this.name = "PowerCut";
  }
}

/** How one run of the firmware ended. */
export type EndOfLife =
  | { readonly type: "power-cut" }
  /** The firmware asked for it. */
  | { readonly type: "restart"; readonly reason: string }
  /** An exception escaped a callback: the chip restarts. */
  | { readonly type: "crash"; readonly error: unknown };

/**
 * One run of the firmware, from boot to restart or power cut. All that the board calls goes through it, so that a
 * dead firmware is never called, and an exception ends it as it would on the chip.
 */
export class Life {
  #clock: Clock;
  #onEnd: (end: EndOfLife) => void;
  #resources = new Set<() => void>();
  #isOver = false;

  constructor(options: { clock: Clock; onEnd: (end: EndOfLife) => void }) {
    this.#clock = options.clock;
    this.#onEnd = options.onEnd;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls the firmware. */
  run(callback: () => void): void {
    if (this.#isOver) return;
    try {
      callback();
    } catch (error) {
      if (error instanceof PowerCut) this.end({ type: "power-cut" });
      else this.end({ type: "crash", error });
    }
  }

  /** Calls the firmware soon, never from inside its own call. */
  soon(callback: () => void): void {
    this.#clock.set(() => this.run(callback), 0);
  }

  /** What is still held when the life ends is given back by `release`. Returns how to give it back before. */
  hold(release: () => void): () => void {
    this.#resources.add(release);
    return () => {
      if (this.#resources.delete(release)) release();
    };
  }

  end(end: EndOfLife): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const release of this.#resources) release();
    this.#resources.clear();
    this.#onEnd(end);
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
