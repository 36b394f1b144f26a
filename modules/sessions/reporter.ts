import { Backoff } from "../backoff/index.js";
import type { Clock, IO, Timer } from "../board/index.js";
import type { Requester, RequestOutcome } from "../requests/index.js";
import type { SessionLog } from "./log.js";
import { requestOf } from "./session.js";

export interface ReporterOptions {
  readonly clock: Clock;
  readonly random: (byteLength: number) => ArrayBuffer;
  readonly log: SessionLog;
  readonly platform: Requester;
  /** Called before each try: what the platform is told is what is known then. */
  readonly prepare: () => void;
  /** `false`: the slot is to be reported again. */
  readonly onAccepted: (slot: number) => boolean;
}

const MIN_BACKOFF_MS = 2000;
/** After an outage everything is reported within minutes. */
const MAX_BACKOFF_MS = 60_000;

/**
 * Reports finished sessions to the platform, one at a time, until each was accepted. One that fails lets the next one
 * try, so that none keeps the others from getting there.
 */
export class SessionReporter implements IO {
  private _options: ReporterOptions;
  private _backoff: Backoff;
  private _timer: Timer | undefined;
  private _asking: IO | undefined;
  /** The slot that was tried last. */
  private _last: number | undefined;

  constructor(options: ReporterOptions) {
    this._options = options;
    const { random } = options;
    this._backoff = new Backoff({ minMs: MIN_BACKOFF_MS, maxMs: MAX_BACKOFF_MS, random });
  }

  /** There is something to report, or somebody to report to. */
  wake(): void {
    this._options.prepare();
    if (this._asking) return;
    this._options.clock.clear(this._timer);
    this._timer = undefined;
    const { platform } = this._options;
    const slot = this._next();
    if (!platform.isOnline || slot === undefined) return;
    this._last = slot;
    const session = this._options.log.read(slot);
    if (!session) {
      // It stays in the storage: the next run may be able to read it.
      this._later(this._backoff.next());
      return;
    }
    this._asking = platform.request("session", requestOf(session), (outcome) =>
      this._hear(slot, session.id, outcome),
    );
  }

  /** The platform cannot be asked any more: what was on its way is asked again. */
  sleep(): void {
    this._asking?.close();
    this._asking = undefined;
    this._options.clock.clear(this._timer);
  }

  close(): void {
    this.sleep();
  }

  private _next(): number | undefined {
    const { slots } = this._options.log;
    const after = this._last === undefined ? -1 : slots.indexOf(this._last);
    return slots[after + 1] ?? slots[0];
  }

  private _hear(slot: number, id: string, outcome: RequestOutcome): void {
    this._asking = undefined;
    const { log, onAccepted } = this._options;
    const isAccepted = outcome.ok && outcome.data.accepted === true;
    // It may have been given up meanwhile, and another be in its place.
    if (!isAccepted || (log.read(slot)?.id === id && !onAccepted(slot))) {
      this._later(this._backoff.next());
      return;
    }
    this._backoff.reset();
    this._later(0);
  }

  private _later(delayMs: number): void {
    this._timer = this._options.clock.set(() => this.wake(), delayMs);
  }
}
