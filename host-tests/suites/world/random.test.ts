import { describe, expect, test } from "@jest/globals";
import { Random } from "../../virtual/world/random.js";

const many = (count: number, draw: () => number) => Array.from({ length: count }, draw);

describe("random numbers", () => {
  test("are the same for the same seed and differ for another", () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return many(100, () => random.uint32());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(0).some((number) => number !== 0)).toBe(true);
  });

  test("have each bit set in about half of the draws", () => {
    const random = new Random(419);
    const numbers = many(10_000, () => random.uint32());
    for (let bit = 0; bit < 32; bit++) {
      const ones = numbers.filter((number) => (number >>> bit) & 1).length;
      expect(Math.abs(ones - 5000)).toBeLessThan(300);
    }
  });

  test("from int are all below its limit, each possible", () => {
    const random = new Random(419);
    expect(new Set(many(1000, () => random.int(6)))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  });

  test("from bool have its probability, also 0 and 1", () => {
    const random = new Random(419);
    const yes = (probability: number) =>
      many(10_000, () => (random.bool(probability) ? 1 : 0)).filter(Boolean);
    expect(yes(0)).toHaveLength(0);
    expect(yes(1)).toHaveLength(10_000);
    expect(Math.abs(yes(0.25).length - 2500)).toBeLessThan(250);
  });

  test("from bytes have each value", () => {
    const bytes = new Random(419).bytes(10_000);
    expect(bytes.length).toBe(10_000);
    expect(new Set(bytes).size).toBe(256);
  });

  test("from pick select each item; an empty list throws", () => {
    const random = new Random(419);
    const items = ["a", "b", "c"];
    expect(new Set(Array.from({ length: 100 }, () => random.pick(items)))).toEqual(new Set(items));
    expect(() => random.pick([])).toThrow(RangeError);
  });
});
