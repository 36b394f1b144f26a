import { expect, test } from "@jest/globals";
import { Backoff } from "./index.js";

function backoff(byte: number): Backoff {
  return new Backoff({
    minMs: 1000,
    maxMs: 60_000,
    crypto: { random: (n) => new Uint8Array(n).fill(byte).buffer },
  });
}

function delays(of: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => of.next());
}

test("delays double from the shortest to the longest", () => {
  expect(delays(backoff(0), 8)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test("jitter lengthens a delay up to twice, and never beyond the longest", () => {
  const longest = delays(backoff(255), 8);
  expect(longest[0]).toBeGreaterThan(1990);
  for (const delay of longest) expect(delay).toBeLessThanOrEqual(60_000);
  expect(longest[7]).toBeGreaterThan(59_990);
});

test("reset starts again from the shortest delay", () => {
  const one = backoff(0);
  delays(one, 5);
  one.reset();
  expect(one.next()).toBe(1000);
});
