import { describe, expect, test } from "@jest/globals";
import { isOvercurrent, nextOvercurrent, type OvercurrentState } from "./index.js";

interface Phase {
  readonly seconds: number;
  readonly offeredA: number;
  readonly currentA: number;
}

/** Measures each second. Returns the time of the overcurrent, s; `undefined` without one. */
function overcurrentAfter(...phases: readonly Phase[]): number | undefined {
  let state: OvercurrentState | undefined;
  let nowMs = 1000;
  for (const { seconds, offeredA, currentA } of phases) {
    for (let i = 0; i < seconds; i++) {
      state = nextOvercurrent(state, { nowMs, offeredA, currentA, tolerance: 1.1 });
      if (isOvercurrent(state, nowMs)) return nowMs / 1000 - 1;
      nowMs += 1000;
    }
  }
  return undefined;
}

describe("nextOvercurrent", () => {
  test("finds a current of more than 110 % of the offer after 10 s", () => {
    expect(overcurrentAfter({ seconds: 60, offeredA: 6, currentA: 6.7 })).toBe(10);
    expect(overcurrentAfter({ seconds: 60, offeredA: 6, currentA: 6.6 })).toBeUndefined();
  });

  test("ignores a current that is too high for less than 10 s at a time", () => {
    const high = { seconds: 10, offeredA: 16, currentA: 26 };
    const right = { seconds: 1, offeredA: 16, currentA: 16 };
    expect(overcurrentAfter(high, right, high, right, high)).toBeUndefined();
  });

  test("gives a vehicle 5 s to follow a lower offer before the 10 s begin", () => {
    const before = { seconds: 20, offeredA: 32, currentA: 32 };
    expect(overcurrentAfter(before, { seconds: 60, offeredA: 6, currentA: 32 })).toBe(35);
    const following = [
      { seconds: 5, offeredA: 6, currentA: 32 },
      { seconds: 60, offeredA: 6, currentA: 6 },
    ];
    expect(overcurrentAfter(before, ...following)).toBeUndefined();
  });

  test("remembers the highest offer while several lower ones follow within 5 s", () => {
    const before = { seconds: 20, offeredA: 32, currentA: 32 };
    const offers = [30, 26, 20, 14, 10, 6].map((offeredA) => ({ seconds: 3, offeredA, currentA: 32 }));
    expect(overcurrentAfter(before, ...offers)).toBeUndefined();
  });

  test("does not wait when the offer rises", () => {
    const phases = [
      { seconds: 5, offeredA: 6, currentA: 20 },
      { seconds: 60, offeredA: 10, currentA: 20 },
    ];
    expect(overcurrentAfter(...phases)).toBe(10);
  });
});
