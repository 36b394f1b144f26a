import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isCurrentLimit, type LimitName, offerOf } from "./index.js";

const COOL = { temperatureC: 25, isTooHot: false };

describe("the offer", () => {
  test.each<[LimitName, number]>([
    ["owner", 10],
    ["paused", 0],
    ["phase-switching", 0],
    ["load-management", 7],
    ["fallback", 6],
    ["cable", 13],
    ["card", 8],
  ])("is the limit %s when it is the lowest", (name, limitA) => {
    expect(offerOf({ installation: 16, [name]: limitA }, COOL)).toEqual({
      currentA: limitA,
      limitedBy: name,
    });
  });

  test("is the installation's limit when the others are higher or equal", () => {
    const limits = { installation: 16, owner: 16, fallback: 32, cable: 20, card: 16 };
    expect(offerOf(limits)).toEqual({ currentA: 16, limitedBy: "installation" });
  });

  test("is never more than 32 A", () => {
    expect(offerOf({ installation: 63, cable: 63 })).toEqual({ currentA: 32, limitedBy: "installation" });
    expect(offerOf({})).toEqual({ currentA: 32, limitedBy: "installation" });
  });

  test.each([
    [16.9, 16],
    [6.99, 6],
    [5.99, 0],
    [1, 0],
    [-3, 0],
    [Number.NaN, 0],
    [Number.NEGATIVE_INFINITY, 0],
  ])("of a limit of %d A is %d A", (limitA, currentA) => {
    expect(offerOf({ installation: 32, owner: limitA })).toEqual({ currentA, limitedBy: "owner" });
  });

  test("is not raised by a limit that follows one that is not a number", () => {
    expect(offerOf({ installation: Number.NaN, owner: 16, card: 32 }).currentA).toBe(0);
  });

  test("is derated from the lowest limit", () => {
    const heat = { temperatureC: 70, isTooHot: false };
    expect(offerOf({ installation: 16, owner: 16 }, heat)).toEqual({
      currentA: 11,
      limitedBy: "temperature",
    });
    expect(offerOf({ installation: 16, owner: 6 }, heat)).toEqual({ currentA: 6, limitedBy: "owner" });
  });

  test("of a paused station stays 0 A with a broken thermometer", () => {
    const broken = { temperatureC: undefined, isTooHot: false };
    expect(offerOf({ installation: 16, paused: 0 }, broken)).toEqual({ currentA: 0, limitedBy: "paused" });
    expect(offerOf({ installation: 16 }, broken)).toEqual({ currentA: 6, limitedBy: "temperature" });
    expect(offerOf({ installation: 16 }, { ...broken, isTooHot: true }).currentA).toBe(0);
  });

  test("is 0 or 6-32 A, a whole number, and at most each limit, whatever the limits are", () => {
    const limit = fc.option(fc.double({ min: -10, max: 100 }), { nil: undefined });
    const heat = fc.option(
      fc.record({
        temperatureC: fc.option(fc.double({ min: -40, max: 150 }), { nil: undefined }),
        isTooHot: fc.boolean(),
      }),
      { nil: undefined },
    );
    const limits = fc.record({
      installation: limit,
      owner: limit,
      fallback: limit,
      cable: limit,
      card: limit,
    });
    fc.assert(
      fc.property(limits, heat, (given, inside) => {
        const { currentA } = offerOf(given, inside);
        expect(Number.isInteger(currentA) && isCurrentLimit(currentA)).toBe(true);
        for (const limitA of Object.values(given)) {
          if (limitA !== undefined)
            expect(currentA <= Math.max(0, limitA) || Number.isNaN(limitA)).toBe(true);
          if (Number.isNaN(limitA)) expect(currentA).toBe(0);
        }
        if (inside?.isTooHot) expect(currentA).toBe(0);
      }),
    );
  });
});

test.each([0, 6, 6.5, 32])("%d A can be a limit", (currentA) => {
  expect(isCurrentLimit(currentA)).toBe(true);
});

test.each([-1, 0.5, 1, 5, 5.99, 32.5, Number.NaN])("%d A cannot be a limit", (currentA) => {
  expect(isCurrentLimit(currentA)).toBe(false);
});
