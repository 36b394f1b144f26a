import type { Clock, Timer } from "../../../modules/board/index.js";

interface NodeTimer extends Timer {
  stop(): void;
}

/** Clock on real time. `dispose` clears all remaining timers, so that none keeps the process alive. */
export class NodeClock implements Clock {
  readonly #timers = new Set<NodeTimer>();

  monotonicMs(): number {
    return performance.now();
  }

  epochMs(): number {
    return Date.now();
  }

  set(callback: () => void, delayMs: number): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer needs a delay of 0 ms or more, not ${delayMs}`);
    const fire = () => {
      this.#timers.delete(timer);
      callback();
    };
    // Node turns a delay of 0 into 1 ms. The chip and this clock run such a timer in the next turn of the
    // event loop.
    const stop = delayMs < 1 ? immediate(fire) : timeout(fire, delayMs);
    const timer: NodeTimer = { kind: "timer", stop };
    this.#timers.add(timer);
    return timer;
  }

  repeat(callback: () => void, periodMs: number): Timer {
    if (!(periodMs >= 1))
      throw new RangeError(`a repeating timer needs a period of 1 ms or more, not ${periodMs}`);
    const handle = setInterval(callback, periodMs);
    const timer: NodeTimer = { kind: "timer", stop: () => clearInterval(handle) };
    this.#timers.add(timer);
    return timer;
  }

  clear(timer: Timer | undefined): void {
    const known = timer as NodeTimer | undefined;
    if (known && this.#timers.delete(known)) known.stop();
  }

  dispose(): void {
    for (const timer of [...this.#timers]) this.clear(timer);
  }
}

function immediate(callback: () => void): () => void {
  const handle = setImmediate(callback);
  return () => clearImmediate(handle);
}

function timeout(callback: () => void, delayMs: number): () => void {
  const handle = setTimeout(callback, delayMs);
  return () => clearTimeout(handle);
}
