/**
 * The safety-critical state machine of a charging station. These rules hold in every state and after every input:
 *
 * 1. The contactor is closed only in the states `charging` and `ending`. The machine enters `charging` only by a C or D
 *    measured under the square wave, because only a square wave shows the diode. It enters `ending` only from `charging`:
 *    the offer is withdrawn (steady +12 V), and the contactor stays closed until the vehicle has left C and D, or until
 *    the time of the state is over.
 * 2. Only the input `authorize` begins a session, and only while a vehicle is plugged in. A session survives a departure
 *    for the time of the state `away`.
 * 3. In E and F, when the contactor does not open, and at a fault of the guard, the station faults. Pilot (steady +12 V)
 *    and contactor are off at once, until the vehicle has left and the contactor is open.
 * 4. The offered current never exceeds the grant or the station's limit. Below 6 A the station offers no current.
 * 5. The plug is locked while current is offered, until the contactor has opened, and while it is welded.
 *
 * The outputs depend on the state and the limit only, so every transition out of `charging` but that to `ending` opens
 * the contactor. A restart, a power cut and an escaped exception end the state, and the outputs with it.
 */

import type { Fault } from "../faults/index.js";
import {
  dutyPermilleOf,
  MIN_CURRENT_A,
  PILOT_STEADY_PERMILLE,
  type PilotState,
  requestsEnergy,
} from "./pilot.js";

/**
 * How a session was authorized: by a tag over BLE, by a card at the reader, by the owner's remote command, or by free
 * vend.
 */
export type GrantMethod = "ble" | "rfid" | "remote" | "free";

/** Rights of one authorization. */
export interface Grant {
  /** Lower-case hex SHA-256 of the tag. */
  readonly tag: string;
  /** The last 4 characters of the tag, for display. */
  readonly tagEnd: string;
  readonly method: GrantMethod;
  /** Highest allowed current, 6-32 A. */
  readonly currentA: number;
  /** The authorization does not expire while the vehicle is plugged in, whatever the owner's setting. */
  readonly isOpenEnded?: boolean;
}

/** A charging session. */
export interface ChargingSession {
  readonly id: string;
  readonly grant: Grant;
}

/** Why a session ended. */
export type SessionEnd = "unplugged" | "stopped" | "faulted";

/** State of the machine; it contains everything that the outputs depend on, apart from the limit. */
export type ChargingState =
  | { readonly type: "available" }
  | { readonly type: "plugged" }
  /** Current is offered; the vehicle has not requested energy yet. */
  | { readonly type: "authorized"; readonly session: ChargingSession }
  /** The contactor is closed. */
  | { readonly type: "charging"; readonly session: ChargingSession }
  /** The offer is withdrawn, and the vehicle has not left C and D yet. The contactor is still closed. */
  | {
      readonly type: "ending";
      readonly session: ChargingSession;
      /** State that follows. */
      readonly next: "suspended" | "finishing";
    }
  /** The session is under way with an open contactor: the vehicle requests no energy, or the station offers no current. */
  | { readonly type: "suspended"; readonly session: ChargingSession }
  /** The pilot reads A. The session continues if the vehicle returns in time. */
  | { readonly type: "away"; readonly session: ChargingSession }
  /** The session is over, and the vehicle is still plugged in. Another authorization begins another session. */
  | { readonly type: "finishing" }
  | {
      readonly type: "faulted";
      readonly fault: Fault;
      /** The feedback contact reports a closed contactor. */
      readonly isWelded?: true;
    };

/** Input of the machine. */
export type ChargingInput =
  /** A debounced pilot state, measured under the duty of the current state. */
  | { readonly type: "pilot"; readonly pilot: PilotState }
  /** The pilot has left C and D and does not settle. */
  | { readonly type: "pilot-unsettled" }
  /** Whether the feedback contact reports a closed contactor after the command to open it. */
  | { readonly type: "contactor"; readonly isWelded: boolean }
  /** The board's guard has opened the contactor for this fault. */
  | { readonly type: "fault"; readonly fault: Fault }
  | { readonly type: "authorize"; readonly session: ChargingSession }
  /** The time of the state is over. Only `authorized`, `ending` and `away` have one. */
  | { readonly type: "timeout" }
  /** The station offers no current any longer. The session stays. */
  | { readonly type: "withdraw" }
  /** Ends the session or the unused authorization; the vehicle gets the time to stop by itself. */
  | { readonly type: "stop" }
  /** As `stop`, and opens the contactor at once. */
  | { readonly type: "abort" };

const PILOT_FAULTS: Readonly<Record<"E" | "F", Fault>> = {
  E: {
    code: "pilot-shorted",
    message: "the control pilot is shorted or the vehicle's diode is missing",
  },
  F: { code: "pilot-negative", message: "the control pilot is at -12 V" },
};
/** Fault of a contactor that does not open. */
export const CONTACTOR_WELDED: Fault = Object.freeze({
  code: "contactor-welded",
  message: "the contactor does not open",
} as const);

/** Values of the hardware outputs. */
export interface ChargingOutputs {
  readonly contactorClosed: boolean;
  readonly dutyPermille: number;
  readonly isLocked: boolean;
}

/**
 * Returns the outputs of a state.
 * @param limitA current that the station may offer now, A; below 6 A it offers none
 */
export function outputsOf(state: ChargingState, limitA: number): ChargingOutputs {
  switch (state.type) {
    case "authorized":
    case "suspended":
    case "away":
    case "charging": {
      const offeredA = offeredCurrentA(state, limitA);
      const isOffered = offeredA > 0;
      return {
        contactorClosed: isOffered && state.type === "charging",
        dutyPermille: isOffered ? dutyPermilleOf(offeredA) : PILOT_STEADY_PERMILLE,
        isLocked: true,
      };
    }
    case "ending":
      return { contactorClosed: true, dutyPermille: PILOT_STEADY_PERMILLE, isLocked: true };
    case "available":
    case "plugged":
    case "finishing":
      return { contactorClosed: false, dutyPermille: PILOT_STEADY_PERMILLE, isLocked: false };
    case "faulted": {
      const isLocked = state.isWelded === true;
      return { contactorClosed: false, dutyPermille: PILOT_STEADY_PERMILLE, isLocked };
    }
  }
}

/** Returns the current that a state offers, A; 0: none. */
export function offeredCurrentA(state: ChargingState, limitA: number): number {
  switch (state.type) {
    case "authorized":
    case "charging":
    case "suspended":
    case "away": {
      const offeredA = Math.min(state.session.grant.currentA, limitA);
      return offeredA >= MIN_CURRENT_A ? offeredA : 0;
    }
    default:
      return 0;
  }
}

/** The active session of a state. A session starts when the vehicle first requests energy, not at the authorization. */
export function sessionOf(state: ChargingState): ChargingSession | undefined {
  return "session" in state && state.type !== "authorized" ? state.session : undefined;
}

/** Returns the state after an input; the same object when nothing changes. */
export function nextState(state: ChargingState, input: ChargingInput): ChargingState {
  switch (input.type) {
    case "pilot":
      return afterPilot(state, input.pilot);
    case "authorize":
      return state.type === "plugged" || state.type === "finishing"
        ? { type: "authorized", session: input.session }
        : state;
    case "pilot-unsettled":
      return afterC(state);
    case "contactor":
      return afterContactor(state, input.isWelded);
    case "fault":
      return afterFault(state, input.fault);
    case "timeout":
      return afterTimeout(state);
    case "withdraw":
      return state.type === "charging"
        ? { type: "ending", session: state.session, next: "suspended" }
        : state;
    case "stop":
      return afterStop(state);
    case "abort":
      return state.type === "charging" || state.type === "ending" ? { type: "finishing" } : afterStop(state);
  }
}

/** Returns why a session ended, given the states before and after its end. */
export function sessionEndOf(before: ChargingState, after: ChargingState): SessionEnd {
  if (after.type === "faulted") return "faulted";
  const wasStopped = before.type === "ending" && before.next === "finishing";
  return after.type === "finishing" || wasStopped ? "stopped" : "unplugged";
}

function afterPilot(state: ChargingState, pilot: PilotState): ChargingState {
  if (pilot === "E" || pilot === "F")
    return state.type === "faulted" ? state : { type: "faulted", fault: PILOT_FAULTS[pilot] };
  if (pilot === "A") return afterDeparture(state);
  if (!requestsEnergy(pilot)) return afterB(state);
  switch (state.type) {
    case "available":
      return { type: "plugged" };
    case "authorized":
    case "suspended":
    case "away":
      return { type: "charging", session: state.session };
    default:
      return state;
  }
}

function afterB(state: ChargingState): ChargingState {
  if (state.type === "available") return { type: "plugged" };
  return state.type === "away" ? { type: "suspended", session: state.session } : afterC(state);
}

/** Returns the state after the vehicle has left C and D. */
function afterC(state: ChargingState): ChargingState {
  if (state.type === "charging") return { type: "suspended", session: state.session };
  return state.type === "ending" ? afterEnding(state) : state;
}

function afterEnding({ session, next }: ChargingState & { readonly type: "ending" }): ChargingState {
  return next === "suspended" ? { type: "suspended", session } : { type: "finishing" };
}

/** Returns the state after the pilot has reached A. */
function afterDeparture(state: ChargingState): ChargingState {
  const next = afterC(state);
  if (next.type === "suspended") return { type: "away", session: next.session };
  return isUnchangedByUnplugging(state) ? state : { type: "available" };
}

/** Whether the vehicle's departure leaves a state as it is: no vehicle, or a welded contactor. */
function isUnchangedByUnplugging(state: ChargingState): boolean {
  if (state.type === "available" || state.type === "away") return true;
  return state.type === "faulted" && state.isWelded === true;
}

function afterTimeout(state: ChargingState): ChargingState {
  switch (state.type) {
    case "authorized":
      return { type: "plugged" };
    case "ending":
      return afterEnding(state);
    case "away":
      return { type: "available" };
    default:
      return state;
  }
}

function afterStop(state: ChargingState): ChargingState {
  switch (state.type) {
    case "authorized":
      return { type: "plugged" };
    case "charging":
      return { type: "ending", session: state.session, next: "finishing" };
    case "ending":
      return state.next === "finishing" ? state : { ...state, next: "finishing" };
    case "suspended":
      return { type: "finishing" };
    case "away":
      return { type: "available" };
    default:
      return state;
  }
}

/** Returns the state after a fault. A welded contactor stays welded. */
function afterFault(state: ChargingState, fault: Fault): ChargingState {
  if (state.type !== "faulted") return { type: "faulted", fault };
  return state.fault === fault ? state : { ...state, fault };
}

function afterContactor(state: ChargingState, isWelded: boolean): ChargingState {
  if (isWelded === (state.type === "faulted" && state.isWelded === true)) return state;
  if (isWelded) return { type: "faulted", fault: CONTACTOR_WELDED, isWelded };
  return state.type === "faulted" ? { type: "faulted", fault: state.fault } : state;
}
