import { describe, expect, test } from "@jest/globals";
import { cableCurrentA } from "./index.js";

describe("the coding of a cable", () => {
  test.each([
    [1500, 13],
    [1100, 13],
    [2200, 13],
    [680, 20],
    [400, 20],
    [936, 20],
    [220, 32],
    [164, 32],
    [308, 32],
    [100, 63],
    [80, 63],
    [140, 63],
  ])("of %i Ω is %i A", (ohms, currentA) => {
    expect(cableCurrentA(ohms)).toBe(currentA);
  });

  test.each([0, 79, 141, 163, 309, 399, 937, 1099, 2201, Number.POSITIVE_INFINITY, Number.NaN, -100])(
    "of %d Ω is invalid",
    (ohms) => {
      expect(cableCurrentA(ohms)).toBe(0);
    },
  );
});
