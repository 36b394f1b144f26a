import type { Board, ControlPilot, DigitalOut, IO, Timer } from "../board/index.js";
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
import { draws, PILOT_STEADY_PERMILLE, type PilotState, pilotState } from "./pilot.js";

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
const SESSION_ID_BYTES = 8;

/** The driver of the charging machine: reads the pilot, performs the outputs, keeps the one timer. */
export class Charging implements IO {
  #board: Board;
  #onEvent: (event: ChargingEvent) => void;
  #authorizationTimeoutMs: number;
  #contactor: DigitalOut;
  #pilot: ControlPilot;
  #state: ChargingState = { type: "available" };
  #dutyPermille = PILOT_STEADY_PERMILLE;
  #expiry: Timer | undefined;
  #debounce: Timer | undefined;
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
    this.#pilot.close();
    this.#contactor.close();
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
      this.#input({ type: "pilot", pilot: first });
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
    this.#report(before, after);
  }

  #perform(state: ChargingState): void {
    const outputs = outputsOf(state);
    // The contactor first when it opens, the pilot first when it closes: no current that is not offered.
    if (!outputs.contactorClosed) this.#contactor.write(0);
    this.#offer(outputs.dutyPermille);
    if (outputs.contactorClosed) this.#contactor.write(1);
    this.#board.clock.clear(this.#expiry);
    if (state.type === "authorized") {
      this.#expiry = this.#board.clock.set(
        () => this.#input({ type: "authorization-expired" }),
        this.#authorizationTimeoutMs,
      );
    }
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
    if (after.type === "faulted") this.#onEvent({ type: "faulted", reason: after.reason });
  }
}
