import type { Board, Contactor, DigitalOut, PinSpecifier, Timer } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import type { Interlock, InterlockHost, Situation } from "./interlock.js";

/** Interval at which the device's contact is read during a test, ms. */
const POLL_MS = 20;
/** Time for the device to report the test current, ms. OpenEVSE allows about 1 s. */
const TRIP_MS = 1000;
/** Time for the report to end after the test current, ms, as in OpenEVSE. */
const CLEAR_MS = 2000;
/** Readings in a row without a report that end a test: the contact bounces, and the guard would latch a bounce. */
const CLEAR_READINGS = 5;
/** Age of a test that still counts for a closing, ms. */
const VALID_MS = 5000;
/** Time from the start of the station to its first test, ms. */
const FIRST_MS = 10_000;
/** Interval of tests without a closing, ms of uptime: the station may not know the time. */
const DAY_MS = 86_400_000;
/** Delay of a test that is due while the contactor is closed, ms. */
const POSTPONED_MS = 600_000;
/** Interval of tests after a failed one, ms. */
const RETRY_MS = 60_000;

const FAILED: Fault = Object.freeze({
  code: "residual-current-test-failed",
  message: "the residual current device has failed its self-test",
} as const);

export interface ResidualCurrentTestOptions {
  readonly board: Board;
  /** Output that makes the device report a residual current. */
  readonly pin: PinSpecifier;
  readonly contactor: Pick<Contactor, "test" | "hasResidualCurrent">;
  readonly host: InterlockHost;
}

/**
 * Self-test of the residual current device (IEC 62955, or a type B RCD with a test input), before each closing and once a
 * day. The board's guard keeps the contactor open during the test.
 */
export class ResidualCurrentTest implements Interlock {
  readonly limits = undefined;
  private readonly _options: ResidualCurrentTestOptions;
  private readonly _output: DigitalOut;
  private _fault: Fault | undefined;
  /** Time of the last passed test; `undefined` after a closing. */
  private _passedMs: number | undefined;
  /** Reads the contact during a test. */
  private _poll: Timer | undefined;
  private _next: Timer | undefined;
  private _isTripping = false;
  private _clearReadings = 0;
  private _deadlineMs = 0;
  private _isContactorClosed = false;

  constructor(options: ResidualCurrentTestOptions) {
    const { board, pin } = options;
    this._options = options;
    this._output = new board.io.DigitalOut({ pin });
    this._schedule(FIRST_MS);
  }

  get fault(): Fault | undefined {
    return this._fault;
  }

  /** Starts a test, unless the contactor is closed or was just tested. */
  isReady(): boolean {
    if (this._isContactorClosed) return true;
    const { clock } = this._options.board;
    if (this._passedMs !== undefined && clock.monotonicMs() - this._passedMs < VALID_MS) return true;
    if (!this._fault) this._start();
    return false;
  }

  handleSituation({ isContactorClosed }: Situation): void {
    this._isContactorClosed = isContactorClosed;
    if (isContactorClosed) this._passedMs = undefined;
  }

  close(): void {
    const { clock } = this._options.board;
    clock.clear(this._poll);
    clock.clear(this._next);
    this._output.close();
  }

  private _schedule(delayMs: number): void {
    const { clock } = this._options.board;
    clock.clear(this._next);
    this._next = clock.set(() => {
      if (this._isContactorClosed) this._schedule(POSTPONED_MS);
      else this._start();
    }, delayMs);
  }

  private _start(): void {
    const { board, contactor } = this._options;
    if (this._poll) return;
    this._schedule(DAY_MS);
    // A residual current that is no test: the guard has latched it.
    if (contactor.hasResidualCurrent) return;
    contactor.test(1);
    this._output.write(1);
    this._isTripping = true;
    this._clearReadings = 0;
    this._deadlineMs = board.clock.monotonicMs() + TRIP_MS;
    this._poll = board.clock.repeat(() => this._read(), POLL_MS);
  }

  private _read(): void {
    const { board, contactor } = this._options;
    const nowMs = board.clock.monotonicMs();
    if (contactor.hasResidualCurrent !== this._isTripping) {
      this._clearReadings = 0;
      if (nowMs >= this._deadlineMs) this._end(false);
    } else if (this._isTripping) {
      this._output.write(0);
      this._isTripping = false;
      this._deadlineMs = nowMs + CLEAR_MS;
    } else if (++this._clearReadings === CLEAR_READINGS) this._end(true);
  }

  private _end(isPassed: boolean): void {
    const { board, contactor, host } = this._options;
    board.clock.clear(this._poll);
    this._poll = undefined;
    this._output.write(0);
    const before = this._fault;
    this._fault = isPassed ? undefined : FAILED;
    this._passedMs = isPassed ? board.clock.monotonicMs() : undefined;
    if (!isPassed) this._schedule(RETRY_MS);
    // A current that is still reported is a residual current from now on.
    contactor.test(0);
    if (isPassed) host.handleInterlockChanged();
    else if (!before) host.fail(FAILED);
  }
}
