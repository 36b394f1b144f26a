import { BoundedMap } from "../modules/limits/index.js";

/** Maximum number of names that are counted. Only devices and users of the registry are counted. */
const MAX_NAMES = 10_000;

interface Window {
  readonly fromMs: number;
  count: number;
}

/** Counts events by name, in windows that begin with a name's first event. The counts are in memory only. */
export class WindowCounter {
  readonly #windowMs: number;
  readonly #now: () => number;
  /** Windows by name, in the order of their start. */
  readonly #windows = new BoundedMap<string, Window>(MAX_NAMES);

  constructor(options: { readonly windowMs: number; readonly now?: () => number }) {
    this.#windowMs = options.windowMs;
    this.#now = options.now ?? Date.now;
  }

  /** Number of events of a name in its present window. */
  countOf(name: string): number {
    return this.#present(name)?.count ?? 0;
  }

  /** Counts an event, and returns the number of events of its name in the present window. */
  add(name: string): number {
    let window = this.#present(name);
    if (!window) {
      window = { fromMs: this.#now(), count: 0 };
      this.#windows.set(name, window);
    }
    window.count++;
    return window.count;
  }

  #present(name: string): Window | undefined {
    const window = this.#windows.get(name);
    return window && this.#now() - window.fromMs < this.#windowMs ? window : undefined;
  }
}
