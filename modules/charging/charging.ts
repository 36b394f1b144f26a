import type { Board, ControlPilot, DigitalIn, DigitalOut, IO, Timer } from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import {
  type ChargingInput,
  type ChargingSession,
  type ChargingState,
  type Grant,
  nextState,
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

/** The station's status as others see it; the order gives the numbers on the air (protocol, section 3). */
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

export type ChargingEvent =
  | { readonly type: "status"; readonly status: StationStatus }
  | { readonly type: "session-started"; readonly session: ChargingSession }
  | { readonly type: "session-ended"; readonly sessionId: string; readonly why: SessionEnd }
  | { readonly type: "faulted"; readonly reason: string };

/** A vehicle that waits for a card. */
export interface Admission {
  /**
   * Lets it charge. `false`, and nothing changes, when it has gone, has a session, or was stopped meanwhile.
   * @param resumedId the session that goes on; none: a new one
   */
  authorize(grant: Grant, resumedId?: string): boolean;
}

export interface ChargingOptions {
  readonly board: Board;
  readonly onEvent: (event: ChargingEvent) => void;
  /** How long the vehicle has to begin to draw. */
  readonly authorizationTimeoutMs?: number;
}

const AUTHORIZATION_TIMEOUT_MS = 60_000;
/** A pilot state counts when it is read twice this far apart. */
const DEBOUNCE_MS = 20;
/**
 * IEC 61851-1 table A.6 wants the contactor open within 100 ms of the vehicle's leaving C or D: what has left them
 * and does not settle opens it after this.
 */
const UNSETTLED_MS = 60;
/** A contactor closes and opens within 50 ms, and its auxiliary contact bounces. */
const CONTACTOR_FEEDBACK_MS = 200;
/**
 * A contactor that has opened stays open for so long, whatever the vehicle does: it does not wear out, and its answer
 * has come before it closes again. Shorter than the 3 s from C to current that a vehicle has to wait for (table A.6).
 */
const MIN_OFF_MS = 2000;
const SESSION_ID_BYTES = 8;

/** The driver of the charging machine: reads the pilot, performs the outputs, keeps the one timer. */
export class Charging implements IO {
  private _board: Board;
  private _onEvent: (event: ChargingEvent) => void;
  private _authorizationTimeoutMs: number;
  private _contactor: DigitalOut;
  /** The auxiliary contact, where there is one. */
  private _feedback: DigitalIn | undefined;
  private _lock: DigitalOut | undefined;
  private _pilot: ControlPilot;
  private _state: ChargingState = { type: "available" };
  private _dutyPermille = PILOT_STEADY_PERMILLE;
  private _expiry: Timer | undefined;
  private _debounce: Timer | undefined;
  private _feedbackTimer: Timer | undefined;
  /** Runs while the contactor has to stay open. */
  private _minOffTimer: Timer | undefined;
  /** What the station may offer now, A; 0 for nothing. */
  private _limitA = MAX_CURRENT_A;
  private _isContactorClosed = false;
  /** Runs from when a evReady vehicle's pilot leaves C and D until it has settled. */
  private _unsettled: Timer | undefined;
  /** Another number for each vehicle, and after each stop. */
  private _plugInId = 0;
  private _closed = false;

  constructor(options: ChargingOptions) {
    this._board = options.board;
    this._onEvent = options.onEvent;
    this._authorizationTimeoutMs = options.authorizationTimeoutMs ?? AUTHORIZATION_TIMEOUT_MS;
    const { io, pins } = options.board;
    this._contactor = new io.DigitalOut({ pin: pins.contactor });
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

  /** The session under way. */
  get session(): ChargingSession | undefined {
    return sessionOf(this._state);
  }

  /** It has been told to let current flow. */
  get isContactorClosed(): boolean {
    return this._isContactorClosed;
  }

  /** What the station may offer from now on, whatever was granted; under 6 A, or no number at all, a session pauses. */
  setLimit(limitA: number): void {
    const offeredA = limitA >= MIN_CURRENT_A ? limitA : 0;
    if (this._closed || offeredA === this._limitA) return;
    this._limitA = offeredA;
    // Whoever goes on evReady without an offer is measured again when there is one.
    if (offeredA === 0) this._input({ type: "pilot-unsettled" });
    this._perform(this._state);
  }

  /** The vehicle that is plugged; `undefined` when there is none or it has a session. */
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

  /** Ends a session, or an authorization that is not used yet, or one that is on its way. */
  stop(): void {
    this._plugInId++;
    this._input({ type: "stop" });
  }

  /**
   * Opens the contactor, for good. The lock stays as it is until the restart: whether the contactor has opened, nobody
   * looks any more.
   */
  close(): void {
    if (this._closed) return;
    this._contactor.close();
    this._closed = true;
    this._board.clock.clear(this._expiry);
    this._board.clock.clear(this._debounce);
    this._board.clock.clear(this._unsettled);
    this._board.clock.clear(this._feedbackTimer);
    this._board.clock.clear(this._minOffTimer);
    this._pilot.close();
    this._feedback?.close();
  }

  private _sample(): void {
    const { clock } = this._board;
    clock.clear(this._debounce);
    const first = this._readPilot();
    if (!requestsEnergy(first)) this._watchUnsettled();
    this._debounce = clock.set(() => {
      if (this._readPilot() !== first) {
        this._sample();
        return;
      }
      clock.clear(this._unsettled);
      this._unsettled = undefined;
      // Without an offer nobody requestsEnergy, nor while the contactor rests, whatever the pilot looks like.
      const waits = this._minOffTimer !== undefined || this._dutyPermille === PILOT_STEADY_PERMILLE;
      this._input({ type: "pilot", pilot: waits && requestsEnergy(first) ? "B" : first });
    }, DEBOUNCE_MS);
  }

  /** Its time is not restarted by what comes after. */
  private _watchUnsettled(): void {
    this._unsettled ??= this._board.clock.set(() => {
      this._unsettled = undefined;
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
    // The contactor opens first: no current that is not offered. When it closes, offer and lock have stood since the
    // authorization.
    this._contactor.write(contactorClosed ? 1 : 0);
    if (contactorClosed !== this._isContactorClosed) {
      this._isContactorClosed = contactorClosed;
      this._board.clock.clear(this._feedbackTimer);
      this._feedbackTimer = undefined;
      this._awaitFeedback();
      if (!contactorClosed) this._startMinOff();
    }
    this._offer(dutyPermille);
    // Whether it has opened, the answer tells: until then a plug that is locked stays so.
    if (isLocked || !this._feedbackTimer) this._lock?.write(isLocked ? 1 : 0);
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
   * The auxiliary contact has its time from when the contactor was told, or from its first change; then it says what
   * the contactor was told, or there is a fault. No vehicle can put that off: a contactor that has been told to open is
   * told nothing else meanwhile.
   */
  private _awaitFeedback(): void {
    if (!this._feedback || this._feedbackTimer) return;
    this._feedbackTimer = this._board.clock.set(() => {
      this._feedbackTimer = undefined;
      const says = this._feedback?.read() === 1 ? "closed" : "open";
      const told = this._isContactorClosed ? "closed" : "open";
      this._input({ type: "contactor", differs: says === told ? undefined : says });
      // Whoever hears of it may have closed this.
      if (this._closed) return;
      this._perform(this._state);
      // A vehicle that has left meanwhile is gone now.
      if (this._state.type === "faulted" && says === told) this._sample();
    }, CONTACTOR_FEEDBACK_MS);
  }

  /** What was read under another duty is not what counts under this one. */
  private _offer(dutyPermille: number): void {
    if (dutyPermille === this._dutyPermille) return;
    this._dutyPermille = dutyPermille;
    this._pilot.write(dutyPermille);
    this._sample();
  }

  private _report(before: ChargingState, after: ChargingState): void {
    const was = sessionOf(before);
    const is = sessionOf(after);
    if (before.type !== after.type) this._onEvent({ type: "status", status: after.type });
    if (is && !was) {
      this._onEvent({ type: "session-started", session: is });
    }
    if (was && !is) {
      this._onEvent({ type: "session-ended", sessionId: was.id, why: sessionEndOf(after) });
    }
    if (after.type === "faulted" && (before.type !== "faulted" || before.reason !== after.reason))
      this._onEvent({ type: "faulted", reason: after.reason });
  }
}
