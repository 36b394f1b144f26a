import type { Clock, IO, Timer } from "../board/index.js";

/** Number of wrong logins that are checked without a pause, after a long time without any. */
const BURST = 10;
/** Pause between checks of logins while more are wrong, ms. */
const PAUSE_MS = 6000;

/** A login that waits for its check. */
class Turn implements IO {
  readonly check: () => void;
  private readonly _waiting: Set<Turn>;

  constructor(check: () => void, waiting: Set<Turn>) {
    this.check = check;
    this._waiting = waiting;
    waiting.add(this);
  }

  close(): void {
    this._waiting.delete(this);
  }
}

/**
 * Limits guesses of the password over all addresses: 10, and then one in 6 s. A login is never refused for the wrong ones
 * of other addresses. While guesses are at the limit it waits for its check, and so does its answer: an attacker learns
 * no faster which one is right. The HTTP connections bound the number of waiting logins.
 */
export class GuessLimiter implements IO {
  private readonly _clock: Clock;
  private readonly _waiting = new Set<Turn>();
  private _timer: Timer | undefined;
  /** Time until which the wrong logins so far count. */
  private _busyUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this._clock = clock;
  }

  /** Counts a wrong login. */
  count(): void {
    this._busyUntilMs = Math.max(this._busyUntilMs, this._clock.monotonicMs()) + PAUSE_MS;
  }

  /** Calls `check` at once, or in its turn. Returns the handle of a check that waits; `close` gives it up. */
  awaitTurn(check: () => void): IO | undefined {
    if (this._waiting.size === 0 && this._waitMs <= 0) {
      check();
      return undefined;
    }
    const turn = new Turn(check, this._waiting);
    this._timer ??= this._startTimer();
    return turn;
  }

  close(): void {
    this._clock.clear(this._timer);
    this._timer = undefined;
    this._waiting.clear();
  }

  private get _waitMs(): number {
    return this._busyUntilMs - this._clock.monotonicMs() - (BURST - 1) * PAUSE_MS;
  }

  private _startTimer(): Timer {
    return this._clock.set(() => this._checkNext(), Math.max(1, this._waitMs));
  }

  private _checkNext(): void {
    const [turn] = this._waiting;
    turn?.close();
    turn?.check();
    this._timer = this._waiting.size > 0 ? this._startTimer() : undefined;
  }
}
