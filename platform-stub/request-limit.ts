/** Duration of a window, ms. */
const WINDOW_MS = 60_000;
/** Maximum number of counted devices. Only devices of the registry are counted. */
const MAX_DEVICES = 10_000;

/** Fate of a request: it is answered, answered with 429, or dropped. */
export type Admission = "accepted" | "refused" | "dropped";

interface Window {
  readonly fromMs: number;
  requests: number;
}

/** Limits the requests of each device in a minute. The first one beyond the limit is refused, further ones are dropped. */
export class RequestLimit {
  readonly #maxRequests: number;
  readonly #now: () => number;
  /** Windows by device id, in the order of their start. */
  readonly #windows = new Map<string, Window>();

  constructor(options: { readonly maxRequests: number; readonly now?: () => number }) {
    this.#maxRequests = options.maxRequests;
    this.#now = options.now ?? Date.now;
  }

  /** Counts a request of a device. */
  admit(deviceId: string): Admission {
    const now = this.#now();
    let window = this.#windows.get(deviceId);
    if (!window || now - window.fromMs >= WINDOW_MS) {
      this.#windows.delete(deviceId);
      window = { fromMs: now, requests: 0 };
      this.#windows.set(deviceId, window);
      const [oldest] = this.#windows.keys();
      if (this.#windows.size > MAX_DEVICES && oldest !== undefined) this.#windows.delete(oldest);
    }
    window.requests++;
    if (window.requests <= this.#maxRequests) return "accepted";
    return window.requests === this.#maxRequests + 1 ? "refused" : "dropped";
  }
}
