/**
 * Changes between one and three phases by a second contactor, which adds L2 and L3 behind the first one. The rules:
 *
 * 1. The second contactor changes only after the first one has been open, without an offer, for the whole pause.
 * 2. After a change there is no offer for another pause.
 * 3. A fault opens the second contactor with the first one. It closes again only by rules 1 and 2.
 * 4. A restart begins with an open second contactor and without an offer.
 *
 * A vehicle whose phases change under load, or sooner than its charger has noticed the end of the supply, can be damaged.
 */

export type Phases = 1 | 3;

export interface PhaseState {
  /** Position of the second contactor: 3 while it is closed. */
  readonly phases: Phases;
  /** Current may be offered. */
  readonly isSettled: boolean;
  /**
   * Time for which the first contactor has been open without an offer, ms, since the latest change of the second one;
   * `undefined` until it is open.
   */
  readonly restMs: number | undefined;
}

export interface PhaseInput {
  /** Number of phases that is wanted. */
  readonly wanted: Phases;
  /** The first contactor is closed. */
  readonly isContactorClosed: boolean;
  readonly isFaulted: boolean;
  /** Pause before and after a change, s. */
  readonly pauseS: number;
  /** Time since the previous input, ms. */
  readonly elapsedMs: number;
}

/** State at the start and after a fault. */
export const OPEN_PHASES: PhaseState = Object.freeze({
  phases: 1,
  isSettled: false,
  restMs: undefined,
} as const);

/** Returns the state after an input; the same object when nothing changes. */
export function nextPhases(state: PhaseState, input: PhaseInput): PhaseState {
  const { phases } = state;
  if (input.isFaulted) return OPEN_PHASES;
  if (state.isSettled)
    return phases === input.wanted ? state : { phases, isSettled: false, restMs: undefined };
  // The time before the first input with an open contactor does not count.
  const openMs = state.restMs === undefined ? 0 : state.restMs + input.elapsedMs;
  const restMs = input.isContactorClosed ? undefined : openMs;
  if (restMs === undefined || restMs < input.pauseS * 1000)
    return restMs === state.restMs ? state : { phases, isSettled: false, restMs };
  return { phases: input.wanted, isSettled: phases === input.wanted, restMs: 0 };
}
