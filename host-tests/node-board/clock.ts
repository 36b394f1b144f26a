import type { Clock, Timer } from "../../modules/board/index.js";

interface NodeTimer extends Timer {
  readonly handle: NodeJS.Timeout;
  readonly isRepeating: boolean;
}

/** The real time. `dispose` ends every timer that is left, so that none keeps the process alive. */
export class NodeClock implements Clock {
  #timers = new Set<NodeTimer>();

  monotonicMs(): number {
    return performance.now();
  }

  epochMs(): number {
    return Date.now();
  }

  set(callback: () => void, delayMs: number): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer needs a delay of 0 ms or more, not ${delayMs}`);
    const handle = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs);
    const timer: NodeTimer = { kind: "timer", handle, isRepeating: false };
    this.#timers.add(timer);
    return timer;
  }

  repeat(callback: () => void, periodMs: number): Timer {
    if (!(periodMs >= 1))
      throw new RangeError(`a repeating timer needs a period of 1 ms or more, not ${periodMs}`);
    const timer: NodeTimer = { kind: "timer", handle: setInterval(callback, periodMs), isRepeating: true };
    this.#timers.add(timer);
    return timer;
  }

  clear(timer: Timer | undefined): void {
    const known = timer as NodeTimer | undefined;
    if (!known || !this.#timers.delete(known)) return;
    if (known.isRepeating) clearInterval(known.handle);
    else clearTimeout(known.handle);
  }

  dispose(): void {
    for (const timer of [...this.#timers]) this.clear(timer);
  }
}
