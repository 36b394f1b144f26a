/**
 * Where safety lives. The rules, which hold in every state and after every input:
 *
 * 1. The contactor is closed exactly in the state `charging` while the vehicle requestsEnergy (C or D). That state is only
 *    entered from `authorized`, by a C or D that was measured under the square wave: only that shows the diode.
 * 2. Nothing is authorized but by the input `authorize`, and only a vehicle that is there.
 * 3. In E and F, and when the contactor does not answer, pilot (steady +12 V) and contactor are off, until the vehicle
 *    has left and the contactor answers again.
 * 4. No current is offered beyond the granted one and the station's limit; under 6 A none at all.
 * 5. A plug stays locked while current is offered, until the contactor has opened, and while it is welded.
 *
 * The outputs are a function of the state and the limit alone, so that every way out of charging opens the contactor:
 * there is no effect to forget. A restart, a power cut and an escaped exception end the state, and with it the outputs.
 */

import {
  dutyPermilleOf,
  MIN_CURRENT_A,
  PILOT_STEADY_PERMILLE,
  type PilotState,
  requestsEnergy,
} from "./pilot.js";

/** How a session may begin: a card over the air or at the reader; without one by the owner, or because all may. */
export type GrantMethod = "ble" | "rfid" | "remote" | "free";

/** What an authorization allows. */
export interface Grant {
  /** Lower-case hex SHA-256 of the tag. */
  readonly tag: string;
  /** The last 4 characters of the tag, for people. */
  readonly tagEnd: string;
  readonly method: GrantMethod;
  /** 6-32 A. */
  readonly currentA: number;
  /** The vehicle may begin to draw whenever it likes. */
  readonly isOpenEnded?: boolean;
}

export interface ChargingSession {
  readonly id: string;
  readonly grant: Grant;
}

export type SessionEnd = "unplugged" | "stopped" | "faulted";

export type ChargingState =
  | { readonly type: "available" }
  | { readonly type: "plugged" }
  /** Current is offered; the vehicle has to draw before the authorization expires. */
  | { readonly type: "authorized"; readonly session: ChargingSession }
  /** A session is under way; while the vehicle pauses (`evReady` false) the contactor is open. */
  | { readonly type: "charging"; readonly session: ChargingSession; readonly evReady: boolean }
  /** The session is over and the vehicle still there: it has to leave before the next. */
  | { readonly type: "finishing" }
  | {
      readonly type: "faulted";
      readonly reason: string;
      /** The contactor was told one thing and says another: what it says. */
      readonly contactor?: "closed" | "open";
    };

export type ChargingInput =
  /** Read twice, under the duty that the state puts out. */
  | { readonly type: "pilot"; readonly pilot: PilotState }
  /** The pilot has left C and D, and does not settle. */
  | { readonly type: "pilot-unsettled" }
  /** What the weld-check input says, where that is not what was put out; `undefined`: it is. */
  | { readonly type: "contactor"; readonly differs: "closed" | "open" | undefined }
  | { readonly type: "authorize"; readonly session: ChargingSession }
  | { readonly type: "authorization-expired" }
  | { readonly type: "stop" };

export interface ChargingOutputs {
  readonly contactorClosed: boolean;
  readonly dutyPermille: number;
  readonly isLocked: boolean;
}

/**
 * What the hardware does in a state.
 * @param limitA what the station may offer now; under 6 A nothing
 */
export function outputsOf(state: ChargingState, limitA: number): ChargingOutputs {
  switch (state.type) {
    case "authorized":
    case "charging": {
      const offeredA = Math.min(state.session.grant.currentA, limitA);
      const isOffered = offeredA >= MIN_CURRENT_A;
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

/** The session that runs in a state. It has started once the vehicle drew, not before. */
export function sessionOf(state: ChargingState): ChargingSession | undefined {
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
      return state.type === "charging" && state.evReady ? { ...state, evReady: false } : state;
    case "contactor":
      return afterContactor(state, input.differs);
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
  if (pilot === "A") return isAtRest(state) ? state : { type: "available" };
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
      // Only a vehicle that leaves (A) ends these: the next session starts from the beginning.
      return state;
  }
}

/** There is nothing that the vehicle's leaving would change. */
function isAtRest(state: ChargingState): boolean {
  return state.type === "available" || (state.type === "faulted" && state.contactor !== undefined);
}

function afterContactor(state: ChargingState, differs: "closed" | "open" | undefined): ChargingState {
  if (differs === undefined) {
    const isOver = state.type === "faulted" && state.contactor !== undefined;
    return isOver ? { type: "faulted", reason: state.reason } : state;
  }
  if (state.type === "faulted" && state.contactor === differs) return state;
  const reason =
    differs === "closed" ? "the contactor does not open: it is welded" : "the contactor does not close";
  return { type: "faulted", reason, contactor: differs };
}

function fault(pilot: "E" | "F"): ChargingState {
  const reason =
    pilot === "E"
      ? "the control pilot is shorted or the vehicle's diode is missing"
      : "the control pilot is at -12 V";
  return { type: "faulted", reason };
}
