import { expect, test } from "@jest/globals";
import { dutyPermilleOf, PILOT_STEADY_PERMILLE, pilotState } from "./pilot.js";

const SQUARE_WAVE_PERMILLE = 266;

test.each([
  ["A", 12_000],
  ["B", 9_000],
  ["C", 6_000],
  ["D", 3_000],
  ["E", 0],
  ["F", -12_000],
] as const)("state %s is read at %d mV, and a volt to either side of it", (state, nominalMv) => {
  for (const highMv of [nominalMv - 1000, nominalMv, nominalMv + 1000]) {
    expect(pilotState({ highMv, lowMv: highMv }, PILOT_STEADY_PERMILLE)).toBe(state);
    const lowMv = Math.min(-12_000, highMv);
    expect(pilotState({ highMv, lowMv }, SQUARE_WAVE_PERMILLE)).toBe(state);
  }
});

test("a vehicle whose diode is missing is a fault", () => {
  expect(pilotState({ highMv: 6000, lowMv: -6000 }, SQUARE_WAVE_PERMILLE)).toBe("E");
  expect(pilotState({ highMv: 6000, lowMv: -11_000 }, SQUARE_WAVE_PERMILLE)).toBe("C");
});

test.each([
  [6, 100],
  [10, 166],
  [16, 266],
  [32, 533],
])("%d A are a duty of %d permille, never of more", (currentA, permille) => {
  expect(dutyPermilleOf(currentA)).toBe(permille);
});
