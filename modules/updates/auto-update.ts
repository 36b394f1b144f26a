import { Backoff } from "../backoff/index.js";
import type { Board, IO, Timer } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { JITTER_MS, nextCheck, parseTimeOfDay } from "./schedule.js";

export interface AutoUpdateOptions {
  readonly board: Pick<Board, "clock" | "crypto">;
  readonly host: AutoUpdateHost;
}

export interface AutoUpdateHost {
  /** Daily check time, `HH:MM` UTC; `undefined` disables automatic checks. */
  readonly autoUpdateTime: string | undefined;
  /** Starts a check on the server. */
  checkAutomatically(): void;
}

const POLL_MS = 60_000;
const DAY_MS = 24 * 60 * 60_000;
const MIN_RETRY_MS = 10 * 60_000;
const MAX_RETRY_MS = 2 * 60 * 60_000;
/** Retries after a failed check. When they are used up, the next check is on the following day. */
const MAX_RETRIES = 5;

/** Checks for an update once a day, at the owner's time plus a random delay of up to 30 minutes. */
export class AutoUpdate implements IO {
  private readonly _options: AutoUpdateOptions;
  private readonly _backoff: Backoff;
  private readonly _poll: Timer;
  private _retry: Timer | undefined;
  private _retries = 0;
  /** Check time for which `_dueMs` was computed. */
  private _time: string | undefined;
  /** Time of the next check, ms since 1970. */
  private _dueMs: number | undefined;

  constructor(options: AutoUpdateOptions) {
    this._options = options;
    const { clock, crypto } = options.board;
    this._backoff = new Backoff({ minMs: MIN_RETRY_MS, maxMs: MAX_RETRY_MS, crypto });
    this._poll = clock.repeat(() => this._checkSchedule(), POLL_MS);
  }

  /** Schedules a retry. Call it when a check failed for a temporary reason. */
  scheduleRetry(): void {
    if (this._retries >= MAX_RETRIES || this._options.host.autoUpdateTime === undefined) return;
    this._retries++;
    this._options.board.clock.clear(this._retry);
    this._retry = this._options.board.clock.set(
      () => this._options.host.checkAutomatically(),
      this._backoff.next(),
    );
  }

  close(): void {
    this._options.board.clock.clear(this._poll);
    this._options.board.clock.clear(this._retry);
  }

  /** Starts the check when it is due. Recomputes the due time when the clock jumps or the owner changes the time. */
  private _checkSchedule(): void {
    const { board, host } = this._options;
    const epochMs = board.clock.epochMs();
    const text = host.autoUpdateTime;
    const timeOfDay = text === undefined ? undefined : parseTimeOfDay(text);
    if (epochMs === undefined || timeOfDay === undefined) {
      this._dueMs = undefined;
      return;
    }
    const due = this._dueMs;
    if (due === undefined || text !== this._time || due - epochMs > DAY_MS + JITTER_MS) {
      this._time = text;
      this._dueMs = nextCheck(epochMs, timeOfDay, this._fraction());
    } else if (epochMs >= due) {
      this._dueMs = nextCheck(epochMs, timeOfDay, this._fraction());
      this._retries = 0;
      this._backoff.reset();
      this._options.host.checkAutomatically();
    }
  }

  private _fraction(): number {
    const [high = 0, low = 0] = asUint8Array(this._options.board.crypto.random(2));
    return (high * 256 + low) / 0x10000;
  }
}
