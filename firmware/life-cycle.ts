/**
 * The station's life cycle: (state, input) → state and effects, nothing else. `Connectivity` performs the effects.
 * docs/architecture.md has the state chart. For every sequence of inputs (life-cycle.properties.test.ts):
 *
 * - The station restarts only for a factory reset, and only while the charger is free.
 * - After a reset it has no parameters until new ones are proven.
 * - The parameters of a state are those that were proven last.
 * - A candidate begins only as the state becomes `trying`.
 * - An ownership transfer continues only after the present owner was left.
 * - An effect that may report an input before it returns is the last of its step: further effects would act on an
 *   outdated state.
 */

import type { PairingParameters } from "../modules/pairing/index.js";

export type LifeCycleState =
  /** The station has no parameters: the access point is up, and the HTTP API accepts them. */
  | { readonly type: "unpaired"; readonly isResetDue: boolean }
  /** Pairing tries a candidate. The station returns to `parameters` if the candidate fails. */
  | ({ readonly type: "trying" } & Trying)
  /** The platform connection removes the owner's retained topics; `next` follows. */
  | ({ readonly type: "leaving"; readonly next: "candidate" | "transfer" } & Trying)
  /** The ownership transfer tries the new owner's account. */
  | { readonly type: "transferring"; readonly parameters: PairingParameters }
  /** The station joins its network. */
  | { readonly type: "joining"; readonly parameters: PairingParameters }
  /** The network is up; the broker has not been reached yet. */
  | { readonly type: "connecting"; readonly parameters: PairingParameters }
  /** The broker is reached. */
  | { readonly type: "online"; readonly parameters: PairingParameters }
  /** The connection to the broker was lost; the station reconnects by itself. */
  | { readonly type: "offline"; readonly parameters: PairingParameters };

interface Trying {
  readonly parameters: PairingParameters | undefined;
  /** A factory reset waits for the end of a session. */
  readonly isResetDue: boolean;
}

export type LifeCycleInput =
  | { readonly type: "started"; readonly parameters: PairingParameters | undefined }
  /**
   * Pairing has a candidate. `leavesOwner`: it belongs to another owner, and the present owner's broker is reached.
   * `isLeaving`: the present owner's retained topics are being removed.
   */
  | { readonly type: "candidate"; readonly leavesOwner: boolean; readonly isLeaving: boolean }
  | { readonly type: "candidate-failed" }
  /** Pairing or an ownership transfer has proven new parameters and stored them. */
  | { readonly type: "paired"; readonly parameters: PairingParameters; readonly isLinkUp: boolean }
  /** The platform has returned the account of the new owner. */
  | { readonly type: "transfer" }
  | { readonly type: "transfer-failed"; readonly isLinkUp: boolean }
  /** The removal of the retained topics has ended. `isClean`: the broker has acknowledged all of it. */
  | { readonly type: "left"; readonly isClean: boolean }
  | { readonly type: "link-up" }
  /** The connection to the broker has changed. */
  | { readonly type: "platform"; readonly isOnline: boolean }
  /** Factory reset. `isFree`: no session is under way and none is authorized. */
  | { readonly type: "reset"; readonly isFree: boolean }
  /** The charger has no session and no authorization any more. */
  | { readonly type: "charger-free" };

export type LifeCycleEffect =
  | { readonly type: "join"; readonly parameters: PairingParameters }
  | { readonly type: "leave-network" }
  | { readonly type: "connect"; readonly parameters: PairingParameters }
  | { readonly type: "disconnect" }
  /** Removes the retained topics of the present owner, then reports `left`. */
  | { readonly type: "leave-owner" }
  | { readonly type: "begin-candidate" }
  | { readonly type: "continue-transfer"; readonly isClean: boolean }
  | { readonly type: "cancel-transfer" }
  | { readonly type: "cancel-candidate" }
  /** Compares the owner of the parameters with the stored one. `isSure`: a reset has erased the stored owner. */
  | { readonly type: "adopt-owner"; readonly parameters: PairingParameters; readonly isSure: boolean }
  | { readonly type: "enter-pairing-mode" }
  | { readonly type: "erase-records" }
  | { readonly type: "restart" };

export interface LifeCycleStep {
  readonly state: LifeCycleState;
  readonly effects: readonly LifeCycleEffect[];
}

/** Name of the state in `/status` and in the log (docs/protocol.md, section 2). */
export type LifeCycle = "unpaired" | "joining" | "connecting" | "online" | "offline";

export function lifeCycleOf(state: LifeCycleState): LifeCycle {
  switch (state.type) {
    case "trying":
    case "leaving":
    case "transferring":
      return "joining";
    default:
      return state.type;
  }
}

/** Proven parameters; `undefined` for an unpaired station. */
export function parametersOf(state: LifeCycleState): PairingParameters | undefined {
  return state.type === "unpaired" ? undefined : state.parameters;
}

export const INITIAL_STATE: LifeCycleState = { type: "unpaired", isResetDue: false };

export function nextLifeCycle(state: LifeCycleState, input: LifeCycleInput): LifeCycleStep {
  switch (input.type) {
    case "started":
      return input.parameters
        ? operate(state, input.parameters, false)
        : { state, effects: [{ type: "enter-pairing-mode" }] };
    case "candidate":
      return tryCandidate(state, input);
    case "candidate-failed":
      return fallBack(state);
    case "paired":
      return operate(state, input.parameters, input.isLinkUp);
    case "transfer":
      return beginTransfer(state);
    case "transfer-failed":
      return endTransfer(state, input.isLinkUp);
    case "left":
      return afterLeaving(state, input.isClean);
    case "link-up":
      return afterLinkUp(state);
    case "platform":
      return afterPlatform(state, input.isOnline);
    case "reset":
      return reset(input.isFree);
    case "charger-free":
      // The session that has ended stored records since the reset erased them.
      return isResetDue(state)
        ? { state, effects: [{ type: "erase-records" }, { type: "restart" }] }
        : unchanged(state);
  }
}

function unchanged(state: LifeCycleState): LifeCycleStep {
  return { state, effects: [] };
}

function isResetDue(state: LifeCycleState): boolean {
  return "isResetDue" in state && state.isResetDue;
}

/** Starts operation with proven parameters. They also complete a due reset, which has already erased the records. */
function operate(state: LifeCycleState, parameters: PairingParameters, isLinkUp: boolean): LifeCycleStep {
  const before: LifeCycleEffect[] = [
    { type: "disconnect" },
    { type: "adopt-owner", parameters, isSure: isResetDue(state) },
  ];
  // The link is already up after a trial of the candidate.
  return isLinkUp
    ? { state: { type: "connecting", parameters }, effects: [...before, { type: "connect", parameters }] }
    : { state: { type: "joining", parameters }, effects: [...before, { type: "join", parameters }] };
}

function tryCandidate(
  state: LifeCycleState,
  { leavesOwner, isLeaving }: LifeCycleInput & { type: "candidate" },
): LifeCycleStep {
  const trying: Trying = { parameters: parametersOf(state), isResetDue: isResetDue(state) };
  const cancel: LifeCycleEffect = { type: "cancel-transfer" };
  if (leavesOwner || isLeaving) {
    return {
      state: { type: "leaving", next: "candidate", ...trying },
      effects: leavesOwner
        ? [cancel, { type: "leave-owner" }]
        : [cancel, { type: "disconnect" }, { type: "leave-owner" }],
    };
  }
  return {
    state: { type: "trying", ...trying },
    effects: [cancel, { type: "disconnect" }, { type: "begin-candidate" }],
  };
}

/** Returns to the parameters that were proven before the candidate. */
function fallBack(state: LifeCycleState): LifeCycleStep {
  const parameters = parametersOf(state);
  return parameters
    ? { state: { type: "joining", parameters }, effects: [{ type: "join", parameters }] }
    : {
        state: { type: "unpaired", isResetDue: isResetDue(state) },
        effects: [{ type: "leave-network" }],
      };
}

function beginTransfer(state: LifeCycleState): LifeCycleStep {
  const parameters = parametersOf(state);
  if (!parameters) return unchanged(state);
  return {
    state: { type: "leaving", next: "transfer", parameters, isResetDue: false },
    effects: [{ type: "leave-owner" }],
  };
}

function endTransfer(state: LifeCycleState, isLinkUp: boolean): LifeCycleStep {
  const isTransfer = state.type === "transferring" || (state.type === "leaving" && state.next === "transfer");
  return isTransfer && state.parameters ? operate(state, state.parameters, isLinkUp) : unchanged(state);
}

function afterLeaving(state: LifeCycleState, isClean: boolean): LifeCycleStep {
  if (state.type !== "leaving") return unchanged(state);
  const { next, parameters } = state;
  if (next === "transfer" && parameters) {
    return {
      state: { type: "transferring", parameters },
      effects: [{ type: "continue-transfer", isClean }],
    };
  }
  return {
    state: { type: "trying", parameters, isResetDue: state.isResetDue },
    effects: [{ type: "begin-candidate" }],
  };
}

function afterLinkUp(state: LifeCycleState): LifeCycleStep {
  if (state.type !== "joining") return unchanged(state);
  const { parameters } = state;
  return { state: { type: "connecting", parameters }, effects: [{ type: "connect", parameters }] };
}

/** Handles the broker's connection. A lost network is noticed here, too; the connection resumes with the network. */
function afterPlatform(state: LifeCycleState, isOnline: boolean): LifeCycleStep {
  if (state.type !== "connecting" && state.type !== "online" && state.type !== "offline") {
    return unchanged(state);
  }
  const { parameters } = state;
  if (isOnline) return { state: { type: "online", parameters }, effects: [] };
  return state.type === "online" ? { state: { type: "offline", parameters }, effects: [] } : unchanged(state);
}

/** Resets the station. A session under way continues; the restart follows its end. */
function reset(isFree: boolean): LifeCycleStep {
  const state: LifeCycleState = { type: "unpaired", isResetDue: true };
  if (isFree) return { state, effects: [{ type: "erase-records" }, { type: "restart" }] };
  return {
    state,
    effects: [
      { type: "erase-records" },
      { type: "cancel-candidate" },
      { type: "cancel-transfer" },
      { type: "disconnect" },
      { type: "leave-network" },
      { type: "enter-pairing-mode" },
    ],
  };
}
