import { describe, expect, test } from "@jest/globals";
import { Random } from "../../virtual/world/random.js";

const many = (count: number, draw: () => number) => Array.from({ length: count }, draw);

describe("random numbers", () => {
  test("the same seed gives the same numbers, another seed others", () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return many(100, () => random.uint32());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(0).some((number) => number !== 0)).toBe(true);
  });

  test("every bit is 1 about as often as 0", () => {
    const random = new Random(419);
    const numbers = many(10_000, () => random.uint32());
    for (let bit = 0; bit < 32; bit++) {
      const ones = numbers.filter((number) => (number >>> bit) & 1).length;
      expect(Math.abs(ones - 5000)).toBeLessThan(300);
    }
  });

  test("int gives every number below its limit, and no other", () => {
    const random = new Random(419);
    expect(new Set(many(1000, () => random.int(6)))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  });

  test("bool holds its probability, also at its ends", () => {
    const random = new Random(419);
    const yes = (probability: number) =>
      many(10_000, () => (random.bool(probability) ? 1 : 0)).filter(Boolean);
    expect(yes(0)).toHaveLength(0);
    expect(yes(1)).toHaveLength(10_000);
    expect(Math.abs(yes(0.25).length - 2500)).toBeLessThan(250);
  });

  test("bytes have every value", () => {
    const bytes = new Random(419).bytes(10_000);
    expect(bytes.length).toBe(10_000);
    expect(new Set(bytes).size).toBe(256);
  });

  test("pick takes any of the items; of none it cannot", () => {
    const random = new Random(419);
    const items = ["a", "b", "c"];
    expect(new Set(Array.from({ length: 100 }, () => random.pick(items)))).toEqual(new Set(items));
    expect(() => random.pick([])).toThrow(RangeError);
  });
});
