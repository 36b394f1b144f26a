import { expect, test } from "@jest/globals";
import { missingInputs } from "./missing-inputs.js";

const LEAST = { controlPilot: 25, contactor: 26 };

test("a station with pilot and contactor lacks each protective input", () => {
  expect(missingInputs(LEAST)).toEqual([
    "weld-check",
    "residual-current",
    "temperature-cut-off",
    "protective-earth",
  ]);
});

test("a station lacks the self-test and the feedback of parts that it has", () => {
  const pins = { ...LEAST, contactorFeedback: 27, temperatureCutOff: 13, protectiveEarth: 39 };
  expect(missingInputs({ ...pins, residualCurrent: 14, lock: 32 })).toEqual([
    "residual-current-test",
    "lock-feedback",
  ]);
});

test("a station with each input lacks none", () => {
  const pins = { ...LEAST, contactorFeedback: 27, temperatureCutOff: 13, protectiveEarth: 39 };
  const all = { ...pins, residualCurrent: 14, residualCurrentTest: 4, lock: 32, lockFeedback: 15 };
  expect(missingInputs(all)).toEqual([]);
});
