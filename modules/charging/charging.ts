import type { Board, ControlPilot, DigitalOut, IO, Timer } from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import {
  type ChargingInput,
  type ChargingState,
  type Grant,
  nextState,
  outputsOf,
  type SessionEnd,
  sessionEndOf,
  sessionOf,
} from "./machine.js";
import { PILOT_STEADY_PERMILLE, type PilotState, pilotState } from "./pilot.js";

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
  | { readonly type: "session-started"; readonly sessionId: string; readonly tagEnd: string }
  | { readonly type: "session-ended"; readonly sessionId: string; readonly why: SessionEnd }
  | { readonly type: "faulted"; readonly reason: string };

export interface ChargingOptions {
  readonly board: Board;
  readonly onEvent: (event: ChargingEvent) => void;
  /** How long the vehicle has to begin to draw. */
  readonly authorizationTimeoutMs?: number;
}

const AUTHORIZATION_TIMEOUT_MS = 60_000;
/**
 * A pilot state counts when it is read twice this far apart. IEC 61851-1 table A.6 wants the contactor open within
 * 100 ms of the vehicle's leaving C or D.
 */
const DEBOUNCE_MS = 20;
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

  /** Lets a plugged vehicle charge. `false`, and nothing changes, when there is none or it has a session. */
  authorize(grant: Grant): boolean {
    if (this.#state.type !== "plugged") return false;
    const id = encodeHex(this.#board.crypto.random(SESSION_ID_BYTES));
    this.#input({ type: "authorize", session: { id, grant } });
    return true;
  }

  /** Ends a session, or an authorization that is not used yet. */
  stop(): void {
    this.#input({ type: "stop" });
  }

  /** Opens the contactor, for good. */
  close(): void {
    if (this.#closed) return;
    this.#contactor.write(0);
    this.#closed = true;
    this.#board.clock.clear(this.#expiry);
    this.#board.clock.clear(this.#debounce);
    this.#pilot.close();
    this.#contactor.close();
  }

  #sample(): void {
    this.#board.clock.clear(this.#debounce);
    const first = this.#readPilot();
    this.#debounce = this.#board.clock.set(() => {
      if (this.#readPilot() === first) this.#input({ type: "pilot", pilot: first });
      else this.#sample();
    }, DEBOUNCE_MS);
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
    this.#perform(after);
    this.#report(before, after);
  }

  #perform(state: ChargingState): void {
    const outputs = outputsOf(state);
    // The contactor first when it opens, the pilot first when it closes: no current that is not offered.
    if (!outputs.contactorClosed) this.#contactor.write(0);
    this.#dutyPermille = outputs.dutyPermille;
    this.#pilot.write(outputs.dutyPermille);
    if (outputs.contactorClosed) this.#contactor.write(1);
    this.#board.clock.clear(this.#expiry);
    if (state.type === "authorized") {
      this.#expiry = this.#board.clock.set(
        () => this.#input({ type: "authorization-expired" }),
        this.#authorizationTimeoutMs,
      );
    }
  }

  #report(before: ChargingState, after: ChargingState): void {
    const was = sessionOf(before);
    const is = sessionOf(after);
    if (before.type !== after.type) this.#onEvent({ type: "status", status: after.type });
    if (is && !was) {
      this.#onEvent({ type: "session-started", sessionId: is.id, tagEnd: is.grant.tagEnd });
    }
    if (was && !is) {
      this.#onEvent({ type: "session-ended", sessionId: was.id, why: sessionEndOf(after) });
    }
    if (after.type === "faulted") this.#onEvent({ type: "faulted", reason: after.reason });
  }
}
