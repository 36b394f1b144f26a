/**
 * Where safety lives. The contactor is closed exactly in the state `charging` while the vehicle draws (C or D), and
 * that state is only entered from `authorized`, by a C or D that was measured under the square wave: only that
 * shows the vehicle's diode. The outputs are a function of the state alone, so that every way out of charging opens
 * the contactor: there is no effect to forget.
 */

import { draws, dutyPermilleOf, PILOT_STEADY_PERMILLE, type PilotState } from "./pilot.js";

/** What an authorization allows. */
export interface Grant {
  /** Lower-case hex SHA-256 of the tag. */
  readonly tag: string;
  /** The last 4 characters of the tag, for people. */
  readonly tagEnd: string;
  /** How the tag reached the station: `ble`, `rfid`. */
  readonly method: string;
  /** 6-32 A. */
  readonly currentA: number;
}

export interface Session {
  readonly id: string;
  readonly grant: Grant;
}

export type SessionEnd = "unplugged" | "stopped" | "faulted";

export type ChargingState =
  | { readonly type: "available" }
  | { readonly type: "plugged" }
  /** Current is offered; the vehicle has to draw before the authorization expires. */
  | { readonly type: "authorized"; readonly session: Session }
  /** A session is under way; while the vehicle pauses (`drawing` false) the contactor is open. */
  | { readonly type: "charging"; readonly session: Session; readonly drawing: boolean }
  /** The session is over and the vehicle still there: it has to leave before the next. */
  | { readonly type: "finishing" }
  | { readonly type: "faulted"; readonly reason: string };

export type ChargingInput =
  /** Read twice, under the duty that the state puts out. */
  | { readonly type: "pilot"; readonly pilot: PilotState }
  /** The pilot has left C and D, and does not settle. */
  | { readonly type: "pilot-unsettled" }
  | { readonly type: "authorize"; readonly session: Session }
  | { readonly type: "authorization-expired" }
  | { readonly type: "stop" };

export interface ChargingOutputs {
  readonly contactorClosed: boolean;
  readonly dutyPermille: number;
}

/** What the hardware does in a state. */
export function outputsOf(state: ChargingState): ChargingOutputs {
  switch (state.type) {
    case "authorized":
      return { contactorClosed: false, dutyPermille: dutyPermilleOf(state.session.grant.currentA) };
    case "charging":
      return {
        contactorClosed: state.drawing,
        dutyPermille: dutyPermilleOf(state.session.grant.currentA),
      };
    case "available":
    case "plugged":
    case "finishing":
    case "faulted":
      return { contactorClosed: false, dutyPermille: PILOT_STEADY_PERMILLE };
  }
}

/** The session that runs in a state. It has started once the vehicle drew, not before. */
export function sessionOf(state: ChargingState): Session | undefined {
  return state.type === "charging" ? state.session : undefined;
}

/** The next state; the same object when nothing changes. */
export function nextState(state: ChargingState, input: ChargingInput): ChargingState {
  switch (input.type) {
    case "pilot":
      return afterPilot(state, input.pilot);
    case "authorize":
      return state.type === "plugged" ? { type: "authorized", session: input.session } : state;
    case "pilot-unsettled":
      return state.type === "charging" && state.drawing ? { ...state, drawing: false } : state;
    case "authorization-expired":
      return state.type === "authorized" ? { type: "plugged" } : state;
    case "stop":
      if (state.type === "charging") return { type: "finishing" };
      return state.type === "authorized" ? { type: "plugged" } : state;
  }
}

/** Why the session that ran before `state` is over. */
export function sessionEndOf(state: ChargingState): SessionEnd {
  if (state.type === "available") return "unplugged";
  return state.type === "faulted" ? "faulted" : "stopped";
}

function afterPilot(state: ChargingState, pilot: PilotState): ChargingState {
  if (pilot === "E" || pilot === "F") return state.type === "faulted" ? state : fault(pilot);
  if (pilot === "A") return state.type === "available" ? state : { type: "available" };
  switch (state.type) {
    case "available":
      return { type: "plugged" };
    case "authorized":
      return draws(pilot) ? { type: "charging", session: state.session, drawing: true } : state;
    case "charging":
      return state.drawing === draws(pilot) ? state : { ...state, drawing: draws(pilot) };
    case "plugged":
      return state;
    case "finishing":
    case "faulted":
      // Only a vehicle that leaves (A) ends these: the next session starts from the beginning.
      return state;
  }
}

function fault(pilot: "E" | "F"): ChargingState {
  const reason =
    pilot === "E"
      ? "the control pilot is shorted or the vehicle's diode is missing"
      : "the control pilot is at -12 V";
  return { type: "faulted", reason };
}
