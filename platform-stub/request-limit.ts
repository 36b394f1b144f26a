import { WindowCounter } from "./window-counter.js";

/** Duration of a window, ms. */
const WINDOW_MS = 60_000;

/** Fate of a request: it is answered, answered with 429, or dropped. */
export type Admission = "accepted" | "refused" | "dropped";

/** Limits the requests of each device in a minute. The first one beyond the limit is refused, further ones are dropped. */
export class RequestLimit {
  readonly #maxRequests: number;
  readonly #requests: WindowCounter;

  constructor(options: { readonly maxRequests: number; readonly now?: () => number }) {
    this.#maxRequests = options.maxRequests;
    this.#requests = new WindowCounter({ windowMs: WINDOW_MS, now: options.now });
  }

  /** Counts a request of a device. */
  admit(deviceId: string): Admission {
    const count = this.#requests.add(deviceId);
    if (count <= this.#maxRequests) return "accepted";
    return count === this.#maxRequests + 1 ? "refused" : "dropped";
  }
}
