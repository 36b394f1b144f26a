import type { Board, ControlPilot, DigitalIn, DigitalOut, IO, Timer } from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import {
  type ChargingInput,
  type ChargingState,
  type Grant,
  nextState,
  outputsOf,
  type Session,
  type SessionEnd,
  sessionEndOf,
  sessionOf,
} from "./machine.js";
import {
  draws,
  MAX_CURRENT_A,
  MIN_CURRENT_A,
  PILOT_STEADY_PERMILLE,
  type PilotState,
  pilotState,
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
  | { readonly type: "session-started"; readonly session: Session }
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
const CONTACTOR_ANSWER_MS = 200;
const SESSION_ID_BYTES = 8;

/** The driver of the charging machine: reads the pilot, performs the outputs, keeps the one timer. */
export class Charging implements IO {
  #board: Board;
  #onEvent: (event: ChargingEvent) => void;
  #authorizationTimeoutMs: number;
  #contactor: DigitalOut;
  /** The auxiliary contact, where there is one. */
  #answer: DigitalIn | undefined;
  #lock: DigitalOut | undefined;
  #pilot: ControlPilot;
  #state: ChargingState = { type: "available" };
  #dutyPermille = PILOT_STEADY_PERMILLE;
  #expiry: Timer | undefined;
  #debounce: Timer | undefined;
  #answerTimer: Timer | undefined;
  /** What the station may offer now, A. */
  #limitA = MAX_CURRENT_A;
  #isContactorClosed = false;
  /** Runs from when a drawing vehicle's pilot leaves C and D until it has settled. */
  #unsettled: Timer | undefined;
  /** Another number for each vehicle, and after each stop. */
  #visit = 0;
  #closed = false;

  constructor(options: ChargingOptions) {
    this.#board = options.board;
    this.#onEvent = options.onEvent;
    this.#authorizationTimeoutMs = options.authorizationTimeoutMs ?? AUTHORIZATION_TIMEOUT_MS;
    const { io, pins } = options.board;
    this.#contactor = new io.DigitalOut({ pin: pins.contactor });
    this.#contactor.write(0);
    if (pins.lock !== undefined) this.#lock = new io.DigitalOut({ pin: pins.lock });
    if (pins.contactorAnswer !== undefined) {
      this.#answer = new io.DigitalIn({ pin: pins.contactorAnswer, onReadable: () => this.#awaitAnswer() });
      this.#awaitAnswer();
    }
    this.#pilot = new io.ControlPilot({ pin: pins.controlPilot, onReadable: () => this.#sample() });
    this.#sample();
  }

  get status(): StationStatus {
    return this.#state.type;
  }

  /** The session under way. */
  get session(): Session | undefined {
    return sessionOf(this.#state);
  }

  /** What the station may offer from now on, whatever was granted; under 6 A a session pauses. */
  setLimit(limitA: number): void {
    if (this.#closed || limitA === this.#limitA) return;
    this.#limitA = limitA;
    // Whoever goes on drawing without an offer is measured again when there is one.
    if (limitA < MIN_CURRENT_A) this.#input({ type: "pilot-unsettled" });
    this.#perform(this.#state);
  }

  /** The vehicle that is plugged; `undefined` when there is none or it has a session. */
  admit(): Admission | undefined {
    if (this.#state.type !== "plugged") return undefined;
    const visit = this.#visit;
    return {
      authorize: (grant, resumedId) => {
        if (visit !== this.#visit || this.#state.type !== "plugged") return false;
        const id = resumedId ?? encodeHex(this.#board.crypto.random(SESSION_ID_BYTES));
        this.#input({ type: "authorize", session: { id, grant } });
        return true;
      },
    };
  }

  /** Ends a session, or an authorization that is not used yet, or one that is on its way. */
  stop(): void {
    this.#visit++;
    this.#input({ type: "stop" });
  }

  /** Opens the contactor, for good. */
  close(): void {
    if (this.#closed) return;
    this.#contactor.write(0);
    this.#closed = true;
    this.#board.clock.clear(this.#expiry);
    this.#board.clock.clear(this.#debounce);
    this.#board.clock.clear(this.#unsettled);
    this.#board.clock.clear(this.#answerTimer);
    this.#pilot.close();
    this.#contactor.close();
    this.#answer?.close();
    this.#lock?.close();
  }

  #sample(): void {
    const { clock } = this.#board;
    clock.clear(this.#debounce);
    const first = this.#readPilot();
    if (!draws(first)) this.#watchUnsettled();
    this.#debounce = clock.set(() => {
      if (this.#readPilot() !== first) {
        this.#sample();
        return;
      }
      clock.clear(this.#unsettled);
      this.#unsettled = undefined;
      // Without an offer nobody draws, whatever the pilot looks like.
      const isPaused = draws(first) && this.#limitA < MIN_CURRENT_A;
      this.#input({ type: "pilot", pilot: isPaused ? "B" : first });
    }, DEBOUNCE_MS);
  }

  /** Its time is not restarted by what comes after. */
  #watchUnsettled(): void {
    this.#unsettled ??= this.#board.clock.set(() => {
      this.#unsettled = undefined;
      this.#input({ type: "pilot-unsettled" });
    }, UNSETTLED_MS);
  }

  #readPilot(): PilotState {
    return pilotState(this.#pilot.read(), this.#dutyPermille);
  }

  #input(input: ChargingInput): void {
    if (this.#closed) return;
    const before = this.#state;
    const after = nextState(before, input);
    if (after === before) return;
    this.#state = after;
    if (after.type === "available") this.#visit++;
    this.#perform(after);
    this.#expireLater(after);
    this.#report(before, after);
  }

  #perform(state: ChargingState): void {
    const { contactorClosed, dutyPermille, isLocked } = outputsOf(state, this.#limitA);
    // The contactor first when it opens, the pilot first when it closes: no current that is not offered. The lock
    // closes before the contactor and opens after it.
    if (!contactorClosed) this.#contactor.write(0);
    this.#offer(dutyPermille);
    this.#lock?.write(isLocked ? 1 : 0);
    if (contactorClosed) this.#contactor.write(1);
    if (contactorClosed !== this.#isContactorClosed) {
      this.#isContactorClosed = contactorClosed;
      this.#board.clock.clear(this.#answerTimer);
      this.#answerTimer = undefined;
      this.#awaitAnswer();
    }
  }

  #expireLater(state: ChargingState): void {
    this.#board.clock.clear(this.#expiry);
    if (state.type === "authorized" && !state.session.grant.isOpenEnded) {
      this.#expiry = this.#board.clock.set(
        () => this.#input({ type: "authorization-expired" }),
        this.#authorizationTimeoutMs,
      );
    }
  }

  /**
   * The auxiliary contact has its time from when the contactor was told, or from its first change; then it says what
   * the contactor was told, or there is a fault.
   */
  #awaitAnswer(): void {
    if (!this.#answer || this.#answerTimer) return;
    this.#answerTimer = this.#board.clock.set(() => {
      this.#answerTimer = undefined;
      const says = this.#answer?.read() === 1 ? "closed" : "open";
      const told = this.#isContactorClosed ? "closed" : "open";
      this.#input({ type: "contactor", differs: says === told ? undefined : says });
      // A vehicle that has left meanwhile is gone now.
      if (this.#state.type === "faulted" && says === told) this.#sample();
    }, CONTACTOR_ANSWER_MS);
  }

  /** What was read under another duty is not what counts under this one. */
  #offer(dutyPermille: number): void {
    if (dutyPermille === this.#dutyPermille) return;
    this.#dutyPermille = dutyPermille;
    this.#pilot.write(dutyPermille);
    this.#sample();
  }

  #report(before: ChargingState, after: ChargingState): void {
    const was = sessionOf(before);
    const is = sessionOf(after);
    if (before.type !== after.type) this.#onEvent({ type: "status", status: after.type });
    if (is && !was) {
      this.#onEvent({ type: "session-started", session: is });
    }
    if (was && !is) {
      this.#onEvent({ type: "session-ended", sessionId: was.id, why: sessionEndOf(after) });
    }
    if (after.type === "faulted" && (before.type !== "faulted" || before.reason !== after.reason))
      this.#onEvent({ type: "faulted", reason: after.reason });
  }
}
