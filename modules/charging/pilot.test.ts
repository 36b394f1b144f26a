import { describe, expect, test } from "@jest/globals";
import {
  dutyPermilleOf,
  MAX_CURRENT_A,
  MIN_CURRENT_A,
  PILOT_STEADY_PERMILLE,
  pilotState,
  requestsEnergy,
} from "./pilot.js";

const SQUARE_WAVE_PERMILLE = 266;

test.each([
  ["A", 12_000],
  ["B", 9_000],
  ["C", 6_000],
  ["D", 3_000],
  ["E", 0],
  ["F", -12_000],
] as const)("state %s is read at %d mV ± 1 V", (state, nominalMv) => {
  for (const highMv of [nominalMv - 1000, nominalMv, nominalMv + 1000]) {
    expect(pilotState({ highMv, lowMv: highMv }, PILOT_STEADY_PERMILLE)).toBe(state);
    const lowMv = Math.min(-12_000, highMv);
    expect(pilotState({ highMv, lowMv }, SQUARE_WAVE_PERMILLE)).toBe(state);
  }
});

test("a missing diode is state E", () => {
  expect(pilotState({ highMv: 6000, lowMv: -6000 }, SQUARE_WAVE_PERMILLE)).toBe("E");
  expect(pilotState({ highMv: 6000, lowMv: -11_000 }, SQUARE_WAVE_PERMILLE)).toBe("C");
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  "a level of %d mV is state E, in either half wave",
  (levelMv) => {
    for (const duty of [PILOT_STEADY_PERMILLE, SQUARE_WAVE_PERMILLE]) {
      expect(pilotState({ highMv: levelMv, lowMv: -12_000 }, duty)).toBe("E");
      expect(pilotState({ highMv: 6000, lowMv: levelMv }, duty)).toBe("E");
      expect(pilotState({ highMv: levelMv, lowMv: levelMv }, duty)).toBe("E");
    }
  },
);

/** The current that a vehicle may draw at a duty, A (IEC 61851-1:2017 table A.8, the vehicle's side). */
function permittedA(dutyPermille: number): number {
  const percent = dutyPermille / 10;
  if (percent < 8 || percent > 97) return 0;
  if (percent < 10) return 6;
  if (percent <= 85) return percent * 0.6;
  return Math.min(80, (percent - 64) * 2.5);
}

/** The duty that the chip's 10-bit PWM generates for a requested duty, per mille. */
function asGenerated(dutyPermille: number): number {
  return (Math.floor((dutyPermille * 1023) / 1000) / 1023) * 1000;
}

describe("dutyPermilleOf (table A.7)", () => {
  test.each([
    [6, 10],
    [10, 16.7],
    [13, 21.7],
    [16, 26.7],
    [20, 33.3],
    [25, 41.7],
    [32, 53.3],
  ])("%d A is a duty of %d %%, to a tenth", (currentA, percent) => {
    expect(Math.abs(dutyPermilleOf(currentA) / 10 - percent)).toBeLessThan(0.11);
  });

  test("never announces more than the current, and at most 0.15 A less, from 6 to 32 A", () => {
    for (let currentA = MIN_CURRENT_A; currentA <= MAX_CURRENT_A; currentA++) {
      for (const duty of [dutyPermilleOf(currentA), asGenerated(dutyPermilleOf(currentA))]) {
        expect(permittedA(duty)).toBeLessThanOrEqual(currentA);
        expect(permittedA(duty)).toBeGreaterThan(currentA - 0.15);
      }
    }
  });
});

describe("pilotState (table A.4)", () => {
  /** Range of each state, V. Between the ranges the standard defines no state. */
  const RANGES = { A: [11, 13], B: [8, 10], C: [5, 7], D: [2, 4], E: [-1, 1], F: [-13, -11] } as const;

  test.each(Object.entries(RANGES))(
    "reads state %s in its whole range, in steps of 10 mV",
    (state, [from, to]) => {
      for (let highMv = from * 1000; highMv <= to * 1000; highMv += 10) {
        expect(pilotState({ highMv, lowMv: highMv }, PILOT_STEADY_PERMILLE)).toBe(state);
        if (state === "F") continue;
        const lowMv = state === "E" ? -highMv : -12_000;
        expect(pilotState({ highMv, lowMv }, SQUARE_WAVE_PERMILLE)).toBe(state);
      }
    },
  );

  test.each([
    [10_500, "A"],
    [7500, "B"],
    [4500, "C"],
    [1500, "D"],
    [-6000, "E"],
  ] as const)("reads %d mV, half way between two states, as the upper one, %s", (highMv, state) => {
    expect(pilotState({ highMv, lowMv: highMv }, PILOT_STEADY_PERMILLE)).toBe(state);
    expect(pilotState({ highMv: highMv - 1, lowMv: highMv - 1 }, PILOT_STEADY_PERMILLE)).not.toBe(state);
  });

  test("detects the diode up to -10.5 V in the negative half wave", () => {
    expect(pilotState({ highMv: 6000, lowMv: -10_500 }, SQUARE_WAVE_PERMILLE)).toBe("C");
    expect(pilotState({ highMv: 6000, lowMv: -10_499 }, SQUARE_WAVE_PERMILLE)).toBe("E");
  });

  test("does not check the diode without a square wave, at steady +12 V or -12 V", () => {
    for (const dutyPermille of [0, PILOT_STEADY_PERMILLE]) {
      expect(pilotState({ highMv: 6000, lowMv: 6000 }, dutyPermille)).toBe("C");
    }
    for (const dutyPermille of [1, PILOT_STEADY_PERMILLE - 1]) {
      expect(pilotState({ highMv: 6000, lowMv: 6000 }, dutyPermille)).toBe("E");
    }
  });

  test.each([-13, -12.5, -12, -11.5, -11])("detects the diode at %d V in the negative half wave", (low) => {
    expect(pilotState({ highMv: 6000, lowMv: low * 1000 }, SQUARE_WAVE_PERMILLE)).toBe("C");
  });

  test.each([-10, -9, -6, -3, 0, 3, 6])(
    "detects a missing diode at %d V in the negative half wave",
    (low) => {
      expect(pilotState({ highMv: 6000, lowMv: low * 1000 }, SQUARE_WAVE_PERMILLE)).toBe("E");
    },
  );
});

test.each([
  ["A", false],
  ["B", false],
  ["C", true],
  ["D", true],
  ["E", false],
  ["F", false],
] as const)("requestsEnergy returns for state %s %s", (pilot, expected) => {
  expect(requestsEnergy(pilot)).toBe(expected);
});
