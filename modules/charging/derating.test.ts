import { expect, test } from "@jest/globals";
import { deratedA } from "./derating.js";

test.each([
  [-20, 32],
  [25, 32],
  [60, 32],
  [70, 19],
  [79.9, 6],
  [80, 0],
  [120, 0],
])("at %d °C a limit of 32 A becomes %d A", (temperatureC, expectedA) => {
  expect(deratedA(32, temperatureC, false)).toBe(expectedA);
});

test("a limit of 6 A is offered until the station stops at 80 °C", () => {
  expect(deratedA(6, 79, false)).toBe(6);
  expect(deratedA(6, 80, false)).toBe(0);
});

test("a stopped station resumes only below 70 °C", () => {
  expect(deratedA(16, 75, true)).toBe(0);
  expect(deratedA(16, 70, true)).toBe(0);
  expect(deratedA(16, 69, true)).toBeGreaterThanOrEqual(6);
});

test("a broken sensor limits a running station to 6 A and keeps a stopped one stopped", () => {
  expect(deratedA(32, undefined, false)).toBe(6);
  expect(deratedA(6, undefined, false)).toBe(6);
  expect(deratedA(32, undefined, true)).toBe(0);
});

test("the derated current never rises with the temperature, and is never between 0 and 6 A", () => {
  let before = 32;
  for (let temperatureC = 40; temperatureC < 100; temperatureC += 0.1) {
    const now = deratedA(32, temperatureC, false);
    expect(now).toBeLessThanOrEqual(before);
    expect(now === 0 || now >= 6).toBe(true);
    before = now;
  }
});
