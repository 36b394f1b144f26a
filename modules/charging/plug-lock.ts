import type { Board, DigitalIn, DigitalOut, PinSpecifier, Timer } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import type { Interlock, InterlockHost, Situation } from "./interlock.js";

/** Time for the lock to reach a position, ms. The motors of socket locks take up to 600 ms. */
const MOVE_MS = 1000;
/** Time in the other position before a further attempt, ms. */
const BACK_MS = 600;
/** Attempts to lock before a fault, and to unlock before a report. */
const ATTEMPTS = 3;
/** Interval of series of attempts to unlock, ms. */
const UNLOCK_RETRY_MS = 30_000;
/** Time for which a contact of a locked plug may be open, ms: vibration. */
const BOUNCE_MS = 200;

const LOCK_FAILED: Fault = Object.freeze({
  code: "lock-failed",
  message: "the plug could not be locked",
} as const);
const LOCK_LOST: Fault = Object.freeze({
  code: "lock-failed",
  message: "the lock has opened while current was supplied",
} as const);
const UNLOCK_FAILED: Fault = Object.freeze({
  code: "unlock-failed",
  message: "the plug could not be unlocked",
} as const);

export interface PlugLockOptions {
  readonly board: Board;
  readonly pin: PinSpecifier;
  readonly feedbackPin: PinSpecifier;
  readonly host: InterlockHost;
}

/** The lock of a socket with a feedback contact. The contactor closes only behind a locked plug. */
export class PlugLock implements Interlock, Pick<DigitalOut, "write"> {
  readonly limits = undefined;
  readonly fault = undefined;
  private readonly _options: PlugLockOptions;
  private readonly _output: DigitalOut;
  private readonly _feedback: DigitalIn;
  /** Commanded position: 1 is locked. */
  private _position: 0 | 1 = 0;
  private _attempts = 0;
  private _timer: Timer | undefined;
  private _bounce: Timer | undefined;
  private _isContactorClosed = false;

  constructor(options: PlugLockOptions) {
    this._options = options;
    const { board, pin, feedbackPin } = options;
    this._output = new board.io.DigitalOut({ pin });
    this._feedback = new board.io.DigitalIn({ pin: feedbackPin, onReadable: () => this._handleFeedback() });
    // A lock that does not open after a restart is retried and reported.
    this._move();
  }

  write(position: 0 | 1): void {
    if (position === this._position) return;
    this._position = position;
    this._attempts = 0;
    this._move();
  }

  isReady(): boolean {
    return this._position === 1 && this._feedback.read() === 1;
  }

  handleSituation({ isContactorClosed }: Situation): void {
    this._isContactorClosed = isContactorClosed;
  }

  close(): void {
    const { clock } = this._options.board;
    clock.clear(this._timer);
    clock.clear(this._bounce);
    this._feedback.close();
  }

  private _move(): void {
    this._output.write(this._position);
    this._then(() => this._check(), MOVE_MS);
  }

  private _then(callback: () => void, delayMs: number): void {
    const { clock } = this._options.board;
    clock.clear(this._timer);
    this._timer = clock.set(callback, delayMs);
  }

  private _check(): void {
    const { host } = this._options;
    if (this._feedback.read() === this._position) return;
    this._attempts++;
    if (this._attempts < ATTEMPTS) {
      this._output.write(this._position === 1 ? 0 : 1);
      this._then(() => this._move(), BACK_MS);
    } else if (this._position === 1) host.fail(LOCK_FAILED);
    else {
      if (this._attempts === ATTEMPTS) host.warn(UNLOCK_FAILED);
      this._then(() => this._retryUnlock(), UNLOCK_RETRY_MS);
    }
  }

  private _retryUnlock(): void {
    this._output.write(1);
    this._then(() => this._move(), BACK_MS);
  }

  private _handleFeedback(): void {
    const { board, host } = this._options;
    if (this.isReady()) host.handleInterlockChanged();
    else if (this._isContactorClosed)
      this._bounce ??= board.clock.set(() => {
        this._bounce = undefined;
        if (this._isContactorClosed && !this.isReady()) host.fail(LOCK_LOST);
      }, BOUNCE_MS);
  }
}
