import type {
  Board,
  Contactor,
  ControlPilot,
  DigitalIn,
  DigitalOut,
  IO,
  OpeningReason,
  Timer,
} from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import type { Fault } from "../faults/index.js";
import {
  type ChargingInput,
  type ChargingSession,
  type ChargingState,
  CONTACTOR_FAULTS,
  type Grant,
  nextState,
  offeredCurrentA,
  outputsOf,
  type SessionEnd,
  sessionEndOf,
  sessionOf,
} from "./machine.js";
import {
  MAX_CURRENT_A,
  MIN_CURRENT_A,
  PILOT_STEADY_PERMILLE,
  type PilotState,
  pilotState,
  requestsEnergy,
} from "./pilot.js";

/** Status of the station. The index of a status is its number in the advertisement (protocol, section 3). */
export const STATION_STATUSES = [
  "available",
  "plugged",
  "authorized",
  "charging",
  "finishing",
  "faulted",
  "unavailable",
] as const;

export type StationStatus = (typeof STATION_STATUSES)[number];

/** Event that `Charging` reports. */
export type ChargingEvent =
  | { readonly type: "status"; readonly status: StationStatus }
  | { readonly type: "session-started"; readonly session: ChargingSession }
  | { readonly type: "session-ended"; readonly sessionId: string; readonly why: SessionEnd }
  | { readonly type: "faulted"; readonly fault: Fault }
  /** The board's guard has opened the contactor, or has not closed it. A fault that follows is an event of its own. */
  | { readonly type: "guard-opened"; readonly reason: OpeningReason };

/** A plugged-in vehicle that may be authorized. */
export interface Admission {
  /**
   * Authorizes the vehicle. Returns `false` without a change when the vehicle has left, has a session, or was stopped.
   * @param resumedId id of the session to resume; a new session without it
   */
  authorize(grant: Grant, resumedId?: string): boolean;
}

export interface ChargingListener {
  handleChargingEvent(event: ChargingEvent): void;
}

export interface ChargingOptions {
  readonly board: Board;
  readonly listener: ChargingListener;
  /** Time in which the vehicle has to request energy after the authorization, ms. */
  readonly authorizationTimeoutMs?: number;
}

/** Default of `authorizationTimeoutMs`. */
const AUTHORIZATION_TIMEOUT_MS = 60_000;
/**
 * Debounce time of the pilot, ms. A state is accepted when two readings this far apart agree. A reading is up to 10 ms
 * old, so that at least 20 ms are between the measurements.
 */
const DEBOUNCE_MS = 30;
/**
 * Time after which a pilot that has left C and D without settling opens the contactor, ms. IEC 61851-1 table A.6
 * requires an open contactor within 100 ms. The board's guard opens it earlier, unless the pilot returns to C at times.
 */
const UNSETTLED_MS = 65;
/**
 * Time for the feedback contact to match a command, ms. A contactor switches within 50 ms, then its contact bounces.
 */
const CONTACTOR_FEEDBACK_MS = 200;
/**
 * Minimum off time of the contactor, ms. Shorter cycles wear the contacts and leave no time for the feedback check. It
 * has to stay below 3 s, the longest time from C to current (IEC 61851-1 table A.6).
 */
const MIN_OFF_MS = 2000;
/** Interval at which the lease of a closed contactor is renewed, ms. The guard opens the contactor after 3 s without. */
const RENEWAL_MS = 500;
/** Interval at which a fault is acknowledged to the guard, ms. It has an effect when the cause is over. */
const ACKNOWLEDGEMENT_MS = 1000;
/** Faults of the guard that end the session, by its reason. */
const GUARD_FAULTS: Readonly<Partial<Record<OpeningReason, Fault>>> = Object.freeze({
  "residual-current": { code: "residual-current", message: "the residual current device has tripped" },
  "too-hot": { code: "temperature-cut-off", message: "the temperature cut-off has opened" },
  welded: CONTACTOR_FAULTS.closed,
  "stuck-open": CONTACTOR_FAULTS.open,
} as const);
/** Length of a session id, bytes of randomness. */
const SESSION_ID_BYTES = 8;

/**
 * Driver of the charging state machine. Reads the pilot and the feedback contact, and sets contactor, pilot and lock.
 */
export class Charging implements IO {
  private readonly _board: Board;
  private readonly _listener: ChargingListener;
  private readonly _authorizationTimeoutMs: number;
  private readonly _contactor: Contactor;
  /** The feedback contact; `undefined` when the station has none. */
  private readonly _feedback: DigitalIn | undefined;
  private readonly _lock: DigitalOut | undefined;
  private readonly _pilot: ControlPilot;
  private _state: ChargingState = { type: "available" };
  private _dutyPermille = PILOT_STEADY_PERMILLE;
  private _expiry: Timer | undefined;
  private _debounce: Timer | undefined;
  private _feedbackTimer: Timer | undefined;
  /** Runs during the minimum off time. */
  private _minOffTimer: Timer | undefined;
  /** Current that the station may offer now, A; 0: none. */
  private _limitA = MAX_CURRENT_A;
  private _isContactorClosed = false;
  /** Runs while the contactor is closed, or a fault may have to be acknowledged. */
  private _guardTimer: Timer | undefined;
  /** Runs from the first reading outside C and D until the pilot has settled. */
  private _unsettledTimer: Timer | undefined;
  /** Identifies the plugged-in vehicle. Changes when it leaves and at each stop, which invalidates its admissions. */
  private _plugInId = 0;
  private _closed = false;

  constructor(options: ChargingOptions) {
    this._board = options.board;
    this._listener = options.listener;
    this._authorizationTimeoutMs = options.authorizationTimeoutMs ?? AUTHORIZATION_TIMEOUT_MS;
    const { io, pins } = options.board;
    this._contactor = new io.Contactor({
      pin: pins.contactor,
      onOpened: (reason) => this._handleOpened(reason),
    });
    if (pins.lock !== undefined) this._lock = new io.DigitalOut({ pin: pins.lock });
    if (pins.contactorFeedback !== undefined) {
      this._feedback = new io.DigitalIn({
        pin: pins.contactorFeedback,
        onReadable: () => this._awaitFeedback(),
      });
      this._awaitFeedback();
    }
    this._pilot = new io.ControlPilot({ pin: pins.controlPilot, onReadable: () => this._sample() });
    this._startMinOff();
    this._sample();
  }

  get status(): StationStatus {
    return this._state.type;
  }

  /** The active session. */
  get session(): ChargingSession | undefined {
    return sessionOf(this._state);
  }

  /** Whether the contactor is commanded closed. */
  get isContactorClosed(): boolean {
    return this._isContactorClosed;
  }

  /** Current that is offered to the vehicle, A; 0: none. */
  get offeredA(): number {
    return offeredCurrentA(this._state, this._limitA);
  }

  /** Sets the current that the station may offer, A. Below 6 A, or with NaN, a session pauses. */
  setLimit(limitA: number): void {
    const offeredA = limitA >= MIN_CURRENT_A ? limitA : 0;
    if (this._closed || offeredA === this._limitA) return;
    this._limitA = offeredA;
    // Without an offer the vehicle is not ready; a new offer measures the pilot, and the diode, again.
    if (offeredA === 0) this._input({ type: "pilot-unsettled" });
    this._perform(this._state);
  }

  /** Returns an admission of the plugged-in vehicle; `undefined` without a vehicle or after its authorization. */
  admit(): Admission | undefined {
    if (this._state.type !== "plugged") return undefined;
    const plugInId = this._plugInId;
    return {
      authorize: (grant, resumedId) => {
        if (plugInId !== this._plugInId || this._state.type !== "plugged") return false;
        const id = resumedId ?? encodeHex(this._board.crypto.random(SESSION_ID_BYTES));
        this._input({ type: "authorize", session: { id, grant } });
        return true;
      },
    };
  }

  /** Ends the session or the unused authorization, and invalidates pending admissions. */
  stop(): void {
    this._plugInId++;
    this._input({ type: "stop" });
  }

  /** Ends the session with a fault that another part of the station has found. */
  fail(fault: Fault): void {
    this._plugInId++;
    this._input({ type: "fault", fault });
  }

  /**
   * Opens the contactor permanently. The lock keeps its position until the restart, because the feedback contact is no
   * longer read.
   */
  close(): void {
    if (this._closed) return;
    this._contactor.close();
    this._closed = true;
    this._board.clock.clear(this._expiry);
    this._board.clock.clear(this._debounce);
    this._board.clock.clear(this._unsettledTimer);
    this._board.clock.clear(this._feedbackTimer);
    this._board.clock.clear(this._minOffTimer);
    this._board.clock.clear(this._guardTimer);
    this._pilot.close();
    this._feedback?.close();
  }

  private _sample(): void {
    const { clock } = this._board;
    clock.clear(this._debounce);
    const first = this._readPilot();
    if (!requestsEnergy(first)) this._startUnsettled();
    this._debounce = clock.set(() => {
      this._debounce = undefined;
      if (this._readPilot() !== first) {
        this._sample();
        return;
      }
      clock.clear(this._unsettledTimer);
      this._unsettledTimer = undefined;
      // C and D count only with an offer and after the minimum off time; before that they are treated as B.
      const isPaused = this._minOffTimer !== undefined || this._dutyPermille === PILOT_STEADY_PERMILLE;
      this._input({ type: "pilot", pilot: isPaused && requestsEnergy(first) ? "B" : first });
    }, DEBOUNCE_MS);
  }

  /** Starts the unsettled timer. Later readings do not restart it. */
  private _startUnsettled(): void {
    this._unsettledTimer ??= this._board.clock.set(() => {
      this._unsettledTimer = undefined;
      this._input({ type: "pilot-unsettled" });
    }, UNSETTLED_MS);
  }

  private _readPilot(): PilotState {
    return pilotState(this._pilot.read(), this._dutyPermille);
  }

  private _input(input: ChargingInput): void {
    if (this._closed) return;
    const before = this._state;
    const after = nextState(before, input);
    if (after === before) return;
    this._state = after;
    if (after.type === "available") this._plugInId++;
    this._perform(after);
    this._expireLater(after);
    this._report(before, after);
  }

  private _perform(state: ChargingState): void {
    const { contactorClosed, dutyPermille, isLocked } = outputsOf(state, this._limitA);
    // The contactor opens before the offer is withdrawn. When it closes, the authorization has already set offer and
    // lock.
    this._contactor.write(contactorClosed ? 1 : 0);
    if (contactorClosed !== this._isContactorClosed) {
      this._isContactorClosed = contactorClosed;
      this._board.clock.clear(this._feedbackTimer);
      this._feedbackTimer = undefined;
      this._awaitFeedback();
      if (!contactorClosed) this._startMinOff();
      this._attendGuard();
    }
    this._offer(dutyPermille);
    // A locked plug stays locked until the feedback contact has reported that the contactor is open.
    if (isLocked || !this._feedbackTimer) this._lock?.write(isLocked ? 1 : 0);
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
    this._sample();
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

  private _startMinOff(): void {
    this._minOffTimer = this._board.clock.set(() => {
      this._minOffTimer = undefined;
      this._sample();
    }, MIN_OFF_MS);
  }

  private _expireLater(state: ChargingState): void {
    this._board.clock.clear(this._expiry);
    if (state.type === "authorized" && !state.session.grant.isOpenEnded) {
      this._expiry = this._board.clock.set(
        () => this._input({ type: "authorization-expired" }),
        this._authorizationTimeoutMs,
      );
    }
  }

  /**
   * Starts the feedback check. The feedback contact must match the command within CONTACTOR_FEEDBACK_MS of the command,
   * or of the contact's first change; otherwise the station faults. A flapping vehicle cannot postpone the check: the
   * minimum off time is longer.
   */
  private _awaitFeedback(): void {
    if (!this._feedback || this._feedbackTimer) return;
    this._feedbackTimer = this._board.clock.set(() => {
      this._feedbackTimer = undefined;
      const actual = this._feedback?.read() === 1 ? "closed" : "open";
      const commanded = this._isContactorClosed ? "closed" : "open";
      this._input({ type: "contactor", differs: actual === commanded ? undefined : actual });
      // A listener may have called `close()`.
      if (this._closed) return;
      this._perform(this._state);
      // A vehicle that left during the mismatch is detected now.
      if (this._state.type === "faulted" && actual === commanded) this._sample();
    }, CONTACTOR_FEEDBACK_MS);
  }

  /** Sets the duty. Readings under another duty are not comparable, so debouncing starts again. */
  private _offer(dutyPermille: number): void {
    if (dutyPermille === this._dutyPermille) return;
    this._dutyPermille = dutyPermille;
    this._pilot.write(dutyPermille);
    this._sample();
  }

  private _report(before: ChargingState, after: ChargingState): void {
    const was = sessionOf(before);
    const is = sessionOf(after);
    if (before.type !== after.type)
      this._listener.handleChargingEvent({ type: "status", status: after.type });
    if (is && !was) {
      this._listener.handleChargingEvent({ type: "session-started", session: is });
    }
    if (was && !is) {
      this._listener.handleChargingEvent({
        type: "session-ended",
        sessionId: was.id,
        why: sessionEndOf(after),
      });
    }
    if (after.type === "faulted" && (before.type !== "faulted" || before.fault !== after.fault))
      this._listener.handleChargingEvent({ type: "faulted", fault: after.fault });
  }
}
