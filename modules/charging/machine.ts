/**
 * The safety-critical state machine of a charging station. These rules hold in every state and after every input:
 *
 * 1. The contactor is closed only in the state `charging` while the vehicle requests energy (C or D). The machine
 *    enters `charging` only from `authorized`, by a C or D measured under the square wave: only a square wave shows
 *    the diode.
 * 2. Only the input `authorize` authorizes, and only while a vehicle is plugged in.
 * 3. In E and F, when the contactor feedback does not match the command, and at a fault of the guard, the station faults. Pilot (steady +12 V)
 *    and contactor are off until the vehicle has left and the feedback matches.
 * 4. The offered current never exceeds the grant or the station's limit. Below 6 A the station offers no current.
 * 5. The plug is locked while current is offered, until the contactor has opened, and while it is welded.
 *
 * The outputs depend on the state and the limit only, so every transition out of `charging` opens the contactor. A
 * restart, a power cut and an escaped exception end the state, and the outputs with it.
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
  /** The authorization does not expire while the vehicle is not ready. */
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
  /** Current is offered; the vehicle has to request energy before the authorization expires. */
  | { readonly type: "authorized"; readonly session: ChargingSession }
  /** A session is active. While the vehicle pauses (`evReady` is false), the contactor is open. */
  | { readonly type: "charging"; readonly session: ChargingSession; readonly evReady: boolean }
  /** The session is over, and the vehicle is still plugged in. It has to leave before the next session. */
  | { readonly type: "finishing" }
  | {
      readonly type: "faulted";
      readonly fault: Fault;
      /** Position that the feedback contact reports, when it differs from the command. */
      readonly contactor?: "closed" | "open";
    };

/** Input of the machine. */
export type ChargingInput =
  /** A debounced pilot state, measured under the duty of the current state. */
  | { readonly type: "pilot"; readonly pilot: PilotState }
  /** The pilot has left C and D and does not settle. */
  | { readonly type: "pilot-unsettled" }
  /** Position that the feedback contact reports when it differs from the command; `undefined`: it matches. */
  | { readonly type: "contactor"; readonly differs: "closed" | "open" | undefined }
  /** The board's guard has opened the contactor for this fault. */
  | { readonly type: "fault"; readonly fault: Fault }
  | { readonly type: "authorize"; readonly session: ChargingSession }
  | { readonly type: "authorization-expired" }
  | { readonly type: "stop" };

const PILOT_FAULTS: Readonly<Record<"E" | "F", Fault>> = {
  E: {
    code: "pilot-shorted",
    message: "the control pilot is shorted or the vehicle's diode is missing",
  },
  F: { code: "pilot-negative", message: "the control pilot is at -12 V" },
};
/** Faults by the position that the feedback contact reports. */
export const CONTACTOR_FAULTS: Readonly<Record<"closed" | "open", Fault>> = {
  closed: { code: "contactor-welded", message: "the contactor does not open" },
  open: { code: "contactor-stuck-open", message: "the contactor does not close" },
};

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
    case "charging": {
      const offeredA = offeredCurrentA(state, limitA);
      const isOffered = offeredA > 0;
      return {
        contactorClosed: isOffered && state.type === "charging" && state.evReady,
        dutyPermille: isOffered ? dutyPermilleOf(offeredA) : PILOT_STEADY_PERMILLE,
        isLocked: true,
      };
    }
    case "available":
    case "plugged":
    case "finishing":
      return { contactorClosed: false, dutyPermille: PILOT_STEADY_PERMILLE, isLocked: false };
    case "faulted": {
      const isLocked = state.contactor === "closed";
      return { contactorClosed: false, dutyPermille: PILOT_STEADY_PERMILLE, isLocked };
    }
  }
}

/** Returns the current that a state offers, A; 0: none. */
export function offeredCurrentA(state: ChargingState, limitA: number): number {
  if (state.type !== "authorized" && state.type !== "charging") return 0;
  const offeredA = Math.min(state.session.grant.currentA, limitA);
  return offeredA >= MIN_CURRENT_A ? offeredA : 0;
}

/** The active session of a state. A session starts when the vehicle first requests energy, not at the authorization. */
export function sessionOf(state: ChargingState): ChargingSession | undefined {
  return state.type === "charging" ? state.session : undefined;
}

/** Returns the state after an input; the same object when nothing changes. */
export function nextState(state: ChargingState, input: ChargingInput): ChargingState {
  switch (input.type) {
    case "pilot":
      return afterPilot(state, input.pilot);
    case "authorize":
      return state.type === "plugged" ? { type: "authorized", session: input.session } : state;
    case "pilot-unsettled":
      return state.type === "charging" && state.evReady ? { ...state, evReady: false } : state;
    case "contactor":
      return afterContactor(state, input.differs);
    case "fault":
      return afterFault(state, input.fault);
    case "authorization-expired":
      return state.type === "authorized" ? { type: "plugged" } : state;
    case "stop":
      if (state.type === "charging") return { type: "finishing" };
      return state.type === "authorized" ? { type: "plugged" } : state;
  }
}

/** Returns why a session ended, given the state after its end. */
export function sessionEndOf(state: ChargingState): SessionEnd {
  if (state.type === "available") return "unplugged";
  return state.type === "faulted" ? "faulted" : "stopped";
}

function afterPilot(state: ChargingState, pilot: PilotState): ChargingState {
  if (pilot === "E" || pilot === "F")
    return state.type === "faulted" ? state : { type: "faulted", fault: PILOT_FAULTS[pilot] };
  if (pilot === "A") return isUnchangedByUnplugging(state) ? state : { type: "available" };
  switch (state.type) {
    case "available":
      return { type: "plugged" };
    case "authorized":
      return requestsEnergy(pilot) ? { type: "charging", session: state.session, evReady: true } : state;
    case "charging":
      return state.evReady === requestsEnergy(pilot) ? state : { ...state, evReady: requestsEnergy(pilot) };
    case "plugged":
      return state;
    case "finishing":
    case "faulted":
      // Only the vehicle's departure (A) ends these states.
      return state;
  }
}

/** Whether the vehicle's departure leaves a state as it is: no vehicle, or feedback that does not match. */
function isUnchangedByUnplugging(state: ChargingState): boolean {
  return state.type === "available" || (state.type === "faulted" && state.contactor !== undefined);
}

/** Returns the state after a fault. The position that the feedback contact reports stays. */
function afterFault(state: ChargingState, fault: Fault): ChargingState {
  if (state.type !== "faulted") return { type: "faulted", fault };
  return state.fault === fault ? state : { ...state, fault };
}

function afterContactor(state: ChargingState, differs: "closed" | "open" | undefined): ChargingState {
  if (differs === undefined) {
    const isOver = state.type === "faulted" && state.contactor !== undefined;
    return isOver ? { type: "faulted", fault: state.fault } : state;
  }
  if (state.type === "faulted" && state.contactor === differs) return state;
  return { type: "faulted", fault: CONTACTOR_FAULTS[differs], contactor: differs };
}
