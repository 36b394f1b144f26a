import { Backoff } from "../backoff/index.js";
import type { Clock, Crypto, IO, Timer } from "../board/index.js";
import type { Requester, RequestOutcome } from "../requests/index.js";
import type { SessionLog } from "./log.js";
import { requestOf } from "./session.js";

export interface ReporterOptions {
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "random">;
  readonly log: SessionLog;
  readonly platform: Requester;
  readonly host: ReporterHost;
}

export interface ReporterHost {
  /** Called before each attempt to bring the log up to date. */
  prepareReport(): void;
  /** Removes an accepted session. Returns `false` when the slot has to be reported again. */
  handleAccepted(slot: number): boolean;
}

const MIN_BACKOFF_MS = 2000;
/** Maximum delay between attempts, ms: after an outage all sessions are reported within minutes. */
const MAX_BACKOFF_MS = 60_000;

/**
 * Reports finished sessions to the platform, one at a time, until each is accepted. After a failure the next session is
 * tried, so that one bad session does not block the others.
 */
export class SessionReporter implements IO {
  private readonly _options: ReporterOptions;
  private readonly _backoff: Backoff;
  private _timer: Timer | undefined;
  private _request: IO | undefined;
  /** Slot of the latest attempt. */
  private _last: number | undefined;

  constructor(options: ReporterOptions) {
    this._options = options;
    const { crypto } = options;
    this._backoff = new Backoff({ minMs: MIN_BACKOFF_MS, maxMs: MAX_BACKOFF_MS, crypto });
  }

  /** Starts reporting. Call it when a session is finished or the platform is reached. */
  wake(): void {
    this._options.host.prepareReport();
    if (this._request) return;
    this._options.clock.clear(this._timer);
    this._timer = undefined;
    const { platform } = this._options;
    const slot = this._next();
    if (!platform.isOnline || slot === undefined) return;
    this._last = slot;
    const session = this._options.log.read(slot);
    if (!session) {
      // The record stays in the storage: a newer firmware may be able to read it.
      this._schedule(this._backoff.next());
      return;
    }
    this._request = platform.request("session", requestOf(session), (outcome) =>
      this._handleOutcome(slot, session.id, outcome),
    );
  }

  /** Stops reporting while the platform is not reachable. An unanswered request is repeated after `wake`. */
  sleep(): void {
    this._request?.close();
    this._request = undefined;
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

  private _handleOutcome(slot: number, id: string, outcome: RequestOutcome): void {
    this._request = undefined;
    const { log, host } = this._options;
    const isAccepted = outcome.ok && outcome.data.accepted === true;
    // Another session may have replaced this one in its slot meanwhile.
    if (!isAccepted || (log.read(slot)?.id === id && !host.handleAccepted(slot))) {
      this._schedule(this._backoff.next());
      return;
    }
    this._backoff.reset();
    this._schedule(0);
  }

  private _schedule(delayMs: number): void {
    this._timer = this._options.clock.set(() => this.wake(), delayMs);
  }
}
