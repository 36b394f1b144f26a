import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nextPhases, OPEN_PHASES, type PhaseState, type Phases } from "./phases.js";

const PAUSE_S = 10;
const INPUT = {
  wanted: 3,
  isContactorClosed: false,
  isFaulted: false,
  pauseS: PAUSE_S,
  elapsedMs: 1000,
} as const;
const THREE: PhaseState = { phases: 3, isSettled: true, restMs: 0 };
/** The start, after the first input with an open contactor. */
const RESTING: PhaseState = { ...OPEN_PHASES, restMs: 0 };

/** Inputs of one second each. */
function afterSeconds(
  seconds: number,
  state: PhaseState,
  input: Partial<typeof INPUT | { wanted: Phases }> = {},
): PhaseState {
  let now = state;
  for (let i = 0; i < seconds; i++) now = nextPhases(now, { ...INPUT, ...input });
  return now;
}

describe("the change to three phases", () => {
  test("closes the second contactor after a pause, and allows an offer after another one", () => {
    expect(afterSeconds(PAUSE_S - 1, RESTING)).toMatchObject({ phases: 1, isSettled: false });
    expect(afterSeconds(PAUSE_S, RESTING)).toEqual({ phases: 3, isSettled: false, restMs: 0 });
    expect(afterSeconds(2 * PAUSE_S - 1, RESTING)).toMatchObject({ phases: 3, isSettled: false });
    expect(afterSeconds(2 * PAUSE_S, RESTING)).toEqual(THREE);
  });

  test("counts the pause from the opening of the first contactor", () => {
    const under = { ...INPUT, isContactorClosed: true };
    let state = nextPhases(THREE, { ...under, wanted: 1 });
    for (let i = 0; i < 3 * PAUSE_S; i++) state = nextPhases(state, { ...under, wanted: 1 });
    expect(state).toEqual({ phases: 3, isSettled: false, restMs: undefined });
    // The first of them shows the open contactor.
    expect(afterSeconds(PAUSE_S, state, { wanted: 1 }).phases).toBe(3);
    expect(afterSeconds(PAUSE_S + 1, state, { wanted: 1 }).phases).toBe(1);
  });

  test("begins again with the pause when the first contactor has closed in between", () => {
    const state = nextPhases(afterSeconds(PAUSE_S - 1, RESTING), { ...INPUT, isContactorClosed: true });
    expect(afterSeconds(PAUSE_S, state).phases).toBe(1);
    expect(afterSeconds(PAUSE_S + 1, state).phases).toBe(3);
  });
});

describe("the phases", () => {
  test("stay the same object while they wait for the first contactor", () => {
    const waiting: PhaseState = { phases: 3, isSettled: false, restMs: undefined };
    expect(nextPhases(waiting, { ...INPUT, wanted: 1, isContactorClosed: true })).toBe(waiting);
  });

  test("stay while nothing is wanted", () => {
    expect(nextPhases(THREE, { ...INPUT, isContactorClosed: true })).toBe(THREE);
  });

  test("withdraw the offer at once when another number is wanted", () => {
    const state = nextPhases(THREE, { ...INPUT, wanted: 1, isContactorClosed: true, elapsedMs: 0 });
    expect(state).toEqual({ phases: 3, isSettled: false, restMs: undefined });
  });

  test("settle without a change when the wish is taken back during the pause", () => {
    const leaving = afterSeconds(5, THREE, { wanted: 1 });
    expect(afterSeconds(PAUSE_S, leaving)).toEqual(THREE);
  });

  test("become one at once at a fault, also under load", () => {
    expect(nextPhases(THREE, { ...INPUT, isContactorClosed: true, isFaulted: true })).toEqual(OPEN_PHASES);
    expect(nextPhases(OPEN_PHASES, { ...INPUT, isFaulted: true })).toBe(OPEN_PHASES);
  });

  test("follow the rules for any inputs", () => {
    const input = fc.record({
      wanted: fc.constantFrom<Phases>(1, 3),
      isContactorClosed: fc.boolean(),
      isFaulted: fc.constantFrom(false, false, false, false, false, true),
      times: fc.integer({ min: 1, max: 15 }),
    });
    fc.assert(
      fc.property(fc.array(input), (inputs) => {
        let state = OPEN_PHASES;
        let openS = 0;
        let sinceChangeS = 0;
        for (const { times, ...given } of inputs) {
          for (let i = 0; i < times; i++) {
            // Without an offer the first contactor does not close.
            const isContactorClosed = given.isContactorClosed && state.isSettled;
            const next = nextPhases(state, { ...given, isContactorClosed, pauseS: PAUSE_S, elapsedMs: 1000 });
            openS = isContactorClosed ? 0 : openS + 1;
            sinceChangeS++;
            if (next.phases !== state.phases) {
              if (!given.isFaulted) expect(openS).toBeGreaterThanOrEqual(PAUSE_S);
              sinceChangeS = 0;
            }
            if (next.isSettled && !state.isSettled) expect(sinceChangeS).toBeGreaterThanOrEqual(PAUSE_S);
            if (given.isFaulted) expect(next).toEqual(OPEN_PHASES);
            state = next;
          }
        }
      }),
    );
  });
});
