/** Compares the small Jest for XS with Jest itself. */

import { describe, expect, test } from "@jest/globals";
import { expect as ours } from "../../tools/xs/jest.js";

const VALUES: readonly unknown[] = [
  undefined,
  null,
  0,
  -0,
  1,
  Number.NaN,
  "",
  "abc",
  true,
  [],
  [1, 2],
  [1, undefined],
  {},
  { a: 1 },
  { a: 1, b: undefined },
  { a: { b: [1, { c: 2 }] } },
  { a: { b: [1, { c: 2, d: 3 }] } },
  Uint8Array.of(1, 2),
  Uint8Array.of(1, 3),
  Uint16Array.of(1, 2),
  Uint8Array.of(1, 2).buffer,
  new Map([["a", 1]]),
  new Map([["a", 2]]),
  new Set([1, 2]),
  new Set([2, 1]),
  new Set([1, 3]),
  new Error("one"),
  new Error("two"),
];

type Both = "toBe" | "toEqual" | "toMatchObject";

function typeOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

describe.each<Both>(["toBe", "toEqual", "toMatchObject"])("the matcher %s", (matcher) => {
  test("agrees with Jest on each pair of values", () => {
    const differences: string[] = [];
    for (const [i, actual] of VALUES.entries()) {
      for (const [j, expected] of VALUES.entries()) {
        // Jest rejects anything but objects here.
        const isObject = typeof expected === "object" && expected !== null;
        if (matcher === "toMatchObject" && !isObject) continue;
        // Jest finds an empty object in an array, a Map or an Error. The small Jest is stricter.
        if (matcher === "toMatchObject" && typeOf(actual) !== typeOf(expected)) continue;
        const theirs = passes(() => expect(actual)[matcher](expected as object));
        const own = passes(() => ours(actual)[matcher](expected));
        const not = passes(() => ours(actual).not[matcher](expected));
        if (theirs !== own || own === not)
          differences.push(`${i} and ${j}: jest says ${theirs}, ours ${own}`);
      }
    }
    expect(differences).toEqual([]);
  });
});

const thrower = (error: unknown) => () => {
  throw error;
};

test.each<[string, (of: typeof expect) => void]>([
  ["nothing thrown", (of) => of(() => {}).toThrow()],
  ["something thrown", (of) => of(thrower(new Error("one"))).toThrow()],
  ["the text", (of) => of(thrower(new Error("one two"))).toThrow("one")],
  ["another text", (of) => of(thrower(new Error("one two"))).toThrow("three")],
  ["the pattern", (of) => of(thrower(new Error("one two"))).toThrow(/^one/)],
  ["the class", (of) => of(thrower(new RangeError("one"))).toThrow(RangeError)],
  ["another class", (of) => of(thrower(new RangeError("one"))).toThrow(TypeError)],
  ["a part of a text", (of) => of("abc").toContain("b")],
  ["no part of a text", (of) => of("abc").toContain("d")],
  ["an item", (of) => of([1, 2]).toContain(2)],
  ["no item", (of) => of([{}]).toContain({})],
  ["an equal item", (of) => of([{ a: 1 }]).toContainEqual({ a: 1 })],
  ["no equal item", (of) => of([{ a: 1 }]).toContainEqual({ a: 2 })],
  ["a length", (of) => of([1]).toHaveLength(1)],
  ["another length", (of) => of("ab").toHaveLength(1)],
  ["a pattern", (of) => of("abc").toMatch(/b/)],
  ["another pattern", (of) => of("abc").toMatch(/^b/)],
  ["more", (of) => of(2).toBeGreaterThan(1)],
  ["not more", (of) => of(1).toBeGreaterThan(1)],
  ["as much", (of) => of(1).toBeGreaterThanOrEqual(1)],
  ["less", (of) => of(1).toBeLessThan(2)],
  ["not less", (of) => of(2).toBeLessThan(2)],
  ["at most", (of) => of(3).toBeLessThanOrEqual(2)],
  ["undefined", (of) => of(undefined).toBeUndefined()],
  ["defined", (of) => of(undefined).toBeDefined()],
  ["any number", (of) => of({ a: 1 }).toEqual({ a: of.any(Number) })],
  ["any text", (of) => of({ a: 1 }).toEqual({ a: of.any(String) })],
  ["text with a part", (of) => of({ a: "xyz" }).toEqual({ a: of.stringContaining("y") })],
  ["text without it", (of) => of({ a: "xyz" }).toEqual({ a: of.stringContaining("a") })],
  ["an object with a part", (of) => of({ a: 1, b: 2 }).toEqual(of.objectContaining({ a: 1 }))],
  ["an object without it", (of) => of({ a: 1, b: 2 }).toEqual(of.objectContaining({ c: 1 }))],
])("the small Jest agrees with Jest on %s", (_name, check) => {
  expect(passes(() => check(ours as unknown as typeof expect))).toBe(passes(() => check(expect)));
});
