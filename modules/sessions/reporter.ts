import { Backoff } from "../backoff/index.js";
import type { Clock, IO, Timer } from "../board/index.js";
import type { JSONObject } from "../json/index.js";
import type { RequestOutcome } from "../requests/index.js";
import type { SessionLog } from "./log.js";
import { requestOf } from "./session.js";

export interface ReporterOptions {
  readonly clock: Clock;
  readonly random: (byteLength: number) => ArrayBuffer;
  readonly log: SessionLog;
  /** Asks the platform; `undefined` when it cannot be asked. */
  readonly request: () =>
    | ((endpoint: string, data: JSONObject, done: (outcome: RequestOutcome) => void) => IO)
    | undefined;
  readonly onAccepted: (slot: number) => void;
}

const MIN_BACKOFF_MS = 2000;
/** After an outage everything is reported within minutes. */
const MAX_BACKOFF_MS = 60_000;

/**
 * Reports finished sessions to the platform, one at a time, until each was accepted. One that fails lets the next one
 * try, so that none keeps the others from getting there.
 */
export class SessionReporter implements IO {
  #options: ReporterOptions;
  #backoff: Backoff;
  #timer: Timer | undefined;
  #asking: IO | undefined;
  /** The slot that was tried last. */
  #last: number | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    const { random } = options;
    this.#backoff = new Backoff({ minMs: MIN_BACKOFF_MS, maxMs: MAX_BACKOFF_MS, random });
  }

  /** There is something to report, or somebody to report to. */
  wake(): void {
    if (this.#asking) return;
    this.#options.clock.clear(this.#timer);
    this.#timer = undefined;
    const ask = this.#options.request();
    const slot = this.#next();
    if (!ask || slot === undefined) return;
    const session = this.#options.log.read(slot);
    if (!session) {
      this.#options.onAccepted(slot);
      this.#later(0);
      return;
    }
    this.#last = slot;
    this.#asking = ask("session", requestOf(session), (outcome) => this.#hear(slot, session.id, outcome));
  }

  /** The platform cannot be asked any more: what was on its way is asked again. */
  sleep(): void {
    this.#asking?.close();
    this.#asking = undefined;
    this.#options.clock.clear(this.#timer);
  }

  close(): void {
    this.sleep();
  }

  #next(): number | undefined {
    const { slots } = this.#options.log;
    const after = this.#last === undefined ? -1 : slots.indexOf(this.#last);
    return slots[after + 1] ?? slots[0];
  }

  #hear(slot: number, id: string, outcome: RequestOutcome): void {
    this.#asking = undefined;
    if (!outcome.ok || outcome.data.accepted !== true) {
      this.#later(this.#backoff.next());
      return;
    }
    this.#backoff.reset();
    // It may have been given up meanwhile, and another be in its place.
    if (this.#options.log.read(slot)?.id === id) this.#options.onAccepted(slot);
    this.#later(0);
  }

  #later(delayMs: number): void {
    this.#timer = this.#options.clock.set(() => this.wake(), delayMs);
  }
}
