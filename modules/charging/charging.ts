import type { Board, Contactor, DigitalIn, IO, OpeningReason, Timer } from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import type { Fault } from "../faults/index.js";
import type { Admission } from "./admission.js";
import type { ChargingListener } from "./events.js";
import { GUARD_FAULTS } from "./guard-faults.js";
import type { InterlockHost, InterlockLimits } from "./interlock.js";
import { Interlocks, type InterlocksOptions } from "./interlocks.js";
import {
  type ChargingInput,
  type ChargingSession,
  type ChargingState,
  nextState,
  offeredCurrentA,
  outputsOf,
  sessionEndOf,
  sessionOf,
} from "./machine.js";
import { CONTACTOR_WEAR, MIN_OFF_MS, OffTime } from "./off-time.js";
import { MAX_CURRENT_A, MIN_CURRENT_A, type PilotState, requestsEnergy } from "./pilot.js";
import { PilotSampler, type PilotSamplerListener } from "./pilot-sampler.js";
import { type StationStatus, statusOf } from "./status.js";

export interface ChargingOptions extends InterlocksOptions {
  readonly listener: ChargingListener;
}

/** Time for which a vehicle may stay in C or D after the offer was withdrawn, ms (IEC 61851-1 table A.6). */
const STOP_MS = 3000;
/** Time for which a session waits for a vehicle that has left, ms. Some contacts bounce for half a second. */
const AWAY_MS = 3000;
/**
 * Time for the feedback contact to match a command, ms. A contactor switches within 50 ms, then its contact bounces.
 */
const CONTACTOR_FEEDBACK_MS = 200;
/** Interval at which the lease of a closed contactor is renewed, ms. The guard opens the contactor after 3 s without. */
const RENEWAL_MS = 500;
/** Interval at which a fault is acknowledged to the guard, ms. It has an effect when the cause is over. */
const ACKNOWLEDGEMENT_MS = 1000;
/** Length of a session id, bytes of randomness. */
const SESSION_ID_BYTES = 8;

/**
 * Driver of the charging state machine. Reads the pilot and the feedback contact, and sets contactor, pilot and lock.
 */
export class Charging implements IO, PilotSamplerListener, InterlockHost {
  private readonly _board: Board;
  private readonly _listener: ChargingListener;
  private readonly _contactor: Contactor;
  /** The feedback contact; `undefined` when the station has none. */
  private readonly _feedback: DigitalIn | undefined;
  /** The lock, and further conditions of charging. */
  private readonly _interlocks: Interlocks;
  private readonly _pilot: PilotSampler;
  /** Made at the first opening. */
  private _offTime: OffTime | undefined;
  private _state: ChargingState = { type: "available" };
  private _reportedStatus: StationStatus = "available";
  /** Monotonic time at which the type of the state has changed last, ms. */
  private _sinceMs = 0;
  private _sessionSinceMs = 0;
  /** Runs in a state that has a time. */
  private _timeout: Timer | undefined;
  private _authorizationMs = 0;
  private _feedbackTimer: Timer | undefined;
  /** Runs during the minimum off time. */
  private _minOffTimer: Timer | undefined;
  /** The off time has grown: the station offers no current during it. */
  private _isResting = false;
  /** Current that the station may offer, A; 0: none. */
  private _limitA = MAX_CURRENT_A;
  private _isContactorClosed = false;
  /** Runs while the contactor is closed, or a fault may have to be acknowledged. */
  private _guardTimer: Timer | undefined;
  /** Identifies the plugged-in vehicle. Changes when it leaves and at each stop, which invalidates its admissions. */
  private _plugInId = 0;
  private _closed = false;

  constructor(options: ChargingOptions) {
    this._board = options.board;
    this._listener = options.listener;
    const { io, pins } = options.board;
    this._contactor = new io.Contactor({
      pin: pins.contactor,
      onOpened: (reason) => this._handleOpened(reason),
    });
    this._interlocks = new Interlocks(options, this._contactor, this);
    if (pins.contactorFeedback !== undefined) {
      this._feedback = new io.DigitalIn({
        pin: pins.contactorFeedback,
        onReadable: () => this._awaitFeedback(),
      });
      this._awaitFeedback();
    }
    this._pilot = new PilotSampler({ board: options.board, listener: this });
    this._startMinOff(MIN_OFF_MS);
    this._pilot.sample();
  }

  get status(): StationStatus {
    return statusOf(this._state, this._offerableA > 0);
  }

  /** The active session. */
  get session(): ChargingSession | undefined {
    return sessionOf(this._state);
  }

  /** Age of the active session in this run, ms. */
  get sessionAgeMs(): number {
    return this._board.clock.monotonicMs() - this._sessionSinceMs;
  }

  /** Limits of the offer by the interlocks. */
  get limits(): InterlockLimits {
    return this._interlocks.limits;
  }

  /** Whether the contactor is commanded closed. */
  get isContactorClosed(): boolean {
    return this._isContactorClosed;
  }

  /** Current that is offered to the vehicle, A; 0: none. */
  get offeredA(): number {
    return offeredCurrentA(this._state, this._limitA);
  }

  /** Sets the current that the station may offer, A. Below 6 A, or with NaN, a session or an authorization pauses. */
  setLimit(limitA: number): void {
    this._limitA = limitA >= MIN_CURRENT_A ? limitA : 0;
    this._updateOffer();
  }

  /**
   * Sets the time in which an authorized vehicle has to request energy, from the latest offer on, ms; 0: as long as it is
   * plugged in. It applies to the present authorization, too, from now on.
   */
  setAuthorizationTime(durationMs: number): void {
    if (durationMs === this._authorizationMs) return;
    this._authorizationMs = durationMs;
    if (this._state.type === "authorized") this._startTimeout();
  }

  /** Sets whether sleeping vehicles are woken up, from the next offer on. */
  setWakeUp(wakesUp: boolean): void {
    this._pilot.wakesUp = wakesUp;
  }

  /** Returns an admission of the plugged-in vehicle; `undefined` without one, and while it is authorized or has a session. */
  admit(): Admission | undefined {
    if (!this._isAdmitting) return undefined;
    const plugInId = this._plugInId;
    return {
      authorize: (grant, resumedId) => {
        if (plugInId !== this._plugInId || !this._isAdmitting) return false;
        const id = resumedId ?? encodeHex(this._board.crypto.random(SESSION_ID_BYTES));
        this._input({ type: "authorize", session: { id, grant } });
        return true;
      },
    };
  }

  /**
   * Ends the session or the unused authorization, and invalidates pending admissions. The offer is withdrawn; the
   * contactor opens when the vehicle has left C, or after 3 s.
   */
  stop(): void {
    this._plugInId++;
    this._input({ type: "stop" });
  }

  /** Ends the session with a fault that another part of the station has found. A fault that lasts already stays. */
  fail(fault: Fault): void {
    this._plugInId++;
    if (this._state.type === "faulted") this.warn(fault);
    else this._input({ type: "fault", fault });
  }

  /** As `stop`, and opens the contactor at once. */
  abort(): void {
    this._plugInId++;
    this._input({ type: "abort" });
  }

  /** Opens the contactor permanently. The lock keeps its position until the restart: the feedback is no longer read. */
  close(): void {
    if (this._closed) return;
    this._contactor.close();
    this._closed = true;
    const timers = [this._timeout, this._feedbackTimer, this._minOffTimer, this._guardTimer];
    for (const timer of timers) this._board.clock.clear(timer);
    this._pilot.close();
    this._feedback?.close();
    this._interlocks.close();
  }

  handlePilot(pilot: PilotState): void {
    const { fault } = this._interlocks;
    if (pilot === "A" && fault) this._input({ type: "fault", fault });
    else this._input({ type: "pilot", pilot: requestsEnergy(pilot) && !this._counts(pilot) ? "B" : pilot });
  }

  handleUnsettled(): void {
    this._input({ type: "pilot-unsettled" });
  }

  warn(fault: Fault): void {
    if (!this._closed) this._listener.handleChargingEvent({ type: "warning", fault });
  }

  handleInterlockChanged(): void {
    if (this._closed) return;
    this._listener.handleChargingEvent({ type: "limits" });
    this._updateOffer();
    this._pilot.sample();
  }

  /**
   * C and D count only with an offer, after the minimum off time and when the interlocks are ready; before that they are
   * treated as B. A contactor that is about to open waits for the vehicle to leave C under a steady pilot.
   */
  private _counts(pilot: PilotState): boolean {
    const isExpected =
      this._state.type === "ending" || (this._minOffTimer === undefined && this._pilot.isOffering);
    return isExpected && this._interlocks.maySupply(pilot);
  }

  private get _isAdmitting(): boolean {
    return this._state.type === "plugged" || this._state.type === "finishing";
  }

  /** Current that the station may offer now, A; 0: none. */
  private get _offerableA(): number {
    return this._isResting ? 0 : Math.min(this._limitA, this._interlocks.limitA);
  }

  private _updateOffer(): void {
    if (this._closed) return;
    // The vehicle gets the time to stop by itself. A new offer measures the pilot, and the diode, again.
    if (this._offerableA === 0) this._input({ type: "withdraw" });
    const { isOffering } = this._pilot;
    this._perform();
    if (this._state.type === "authorized" && this._pilot.isOffering !== isOffering) this._startTimeout();
    this._reportStatus();
  }

  private _input(input: ChargingInput): void {
    if (this._closed) return;
    const before = this._state;
    const after = nextState(before, input);
    if (after === before) return;
    const beforeSinceMs = this._sinceMs;
    this._state = after;
    if (after.type === "available") this._plugInId++;
    this._perform();
    if (after.type !== before.type) {
      this._sinceMs = this._board.clock.monotonicMs();
      this._startTimeout();
    }
    this._report(before, before.type === "away" ? beforeSinceMs : this._sinceMs);
  }

  private _perform(): void {
    const { contactorClosed, isLocked } = outputsOf(this._state, this._offerableA);
    // The contactor opens before the offer changes. When it closes, the authorization has already set offer and lock.
    this._contactor.write(contactorClosed ? 1 : 0);
    if (contactorClosed !== this._isContactorClosed) {
      this._isContactorClosed = contactorClosed;
      this._board.clock.clear(this._feedbackTimer);
      this._feedbackTimer = undefined;
      this._awaitFeedback();
      if (!contactorClosed) {
        this._offTime ??= new OffTime();
        this._startMinOff(this._offTime.open(this._board.clock.monotonicMs()));
      }
      this._attendGuard();
    }
    const { type } = this._state;
    const isPlugged = type !== "available" && type !== "away" && type !== "faulted";
    this._interlocks.handleSituation({ isPlugged, isLocked, isContactorClosed: contactorClosed });
    // A grown off time and a new cable withhold the offer.
    const { dutyPermille } = outputsOf(this._state, this._offerableA);
    this._pilot.offer(dutyPermille);
    // A locked plug stays locked until the feedback contact has reported that the contactor is open.
    if (isLocked || !this._feedbackTimer) this._interlocks.lock(isLocked ? 1 : 0);
  }

  /** Handles an opening by the guard. The contactor closes again after the minimum off time, if there is no fault. */
  private _handleOpened(reason: OpeningReason): void {
    if (this._closed) return;
    this._listener.handleChargingEvent({ type: "guard-opened", reason });
    const fault = GUARD_FAULTS[reason];
    // A plug behind a welded contactor stays locked until the feedback has been read.
    if (fault) this._awaitFeedback();
    this._input(fault ? { type: "fault", fault } : { type: "pilot-unsettled" });
    if (this._closed) return;
    this._attendGuard();
    this._pilot.sample();
  }

  /** Renews the lease of a closed contactor, or acknowledges a fault until it is over. */
  private _attendGuard(): void {
    const { clock } = this._board;
    clock.clear(this._guardTimer);
    this._guardTimer = undefined;
    if (this._isContactorClosed) this._guardTimer = clock.repeat(() => this._contactor.renew(), RENEWAL_MS);
    else if (this._state.type === "faulted")
      this._guardTimer = clock.repeat(() => this._acknowledge(), ACKNOWLEDGEMENT_MS);
  }

  private _acknowledge(): void {
    this._contactor.acknowledge();
    if (this._state.type !== "faulted") this._attendGuard();
  }

  private _startMinOff(durationMs: number): void {
    this._isResting = durationMs > MIN_OFF_MS;
    this._minOffTimer = this._board.clock.set(() => {
      this._minOffTimer = undefined;
      if (this._isResting) {
        this._isResting = false;
        this._updateOffer();
      }
      this._pilot.sample();
    }, durationMs);
  }

  private _startTimeout(): void {
    const { clock } = this._board;
    clock.clear(this._timeout);
    const durationMs = this._timeoutMs;
    if (durationMs === 0) return;
    this._timeout = clock.set(() => {
      const isIgnored = this._state.type === "ending";
      this._input({ type: "timeout" });
      if (isIgnored && !this._closed) this._listener.handleChargingEvent({ type: "stop-ignored" });
    }, durationMs);
  }

  /** Time of the present state, ms; 0: it has none. */
  private get _timeoutMs(): number {
    const { _state: state } = this;
    switch (state.type) {
      case "authorized":
        // Without an offer the vehicle cannot request energy.
        return state.session.grant.isOpenEnded || !this._pilot.isOffering ? 0 : this._authorizationMs;
      case "ending":
        return STOP_MS;
      case "away":
        return AWAY_MS;
      default:
        return 0;
    }
  }

  /**
   * Starts the feedback check: after CONTACTOR_FEEDBACK_MS from the command, or from the contact's first change, an open
   * contactor must not be reported closed; otherwise the station faults. A flapping vehicle cannot postpone the check: the
   * minimum off time is longer. The guard alone detects a contactor that does not close, because it may have opened the
   * contactor just now and its report may still wait for a busy engine.
   */
  private _awaitFeedback(): void {
    if (!this._feedback || this._feedbackTimer) return;
    this._feedbackTimer = this._board.clock.set(() => {
      this._feedbackTimer = undefined;
      const isWelded = this._feedback?.read() === 1 && !this._isContactorClosed;
      this._input({ type: "contactor", isWelded });
      // A listener may have called `close()`.
      if (this._closed) return;
      this._perform();
      // A vehicle that left during the mismatch is detected now.
      if (this._state.type === "faulted" && !isWelded) this._pilot.sample();
    }, CONTACTOR_FEEDBACK_MS);
  }

  private _reportStatus(): void {
    const { status } = this;
    if (status === this._reportedStatus || this._closed) return;
    this._reportedStatus = status;
    this._listener.handleChargingEvent({ type: "status", status });
  }

  private _report(before: ChargingState, endedMs: number): void {
    const after = this._state;
    const was = sessionOf(before);
    const is = sessionOf(after);
    if (is && !was) this._sessionSinceMs = this._board.clock.monotonicMs();
    this._reportStatus();
    if (is && !was) this._listener.handleChargingEvent({ type: "session-started", session: is });
    if (was && !is) {
      const why = sessionEndOf(before, after);
      this._listener.handleChargingEvent({ type: "session-ended", sessionId: was.id, why, endedMs });
    }
    if (after.type === "faulted" && (before.type !== "faulted" || before.fault !== after.fault))
      this._listener.handleChargingEvent({ type: "faulted", fault: after.fault });
    if (this._offTime?.takeFault())
      this._listener.handleChargingEvent({ type: "warning", fault: CONTACTOR_WEAR });
  }
}
