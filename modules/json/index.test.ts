import { afterEach, describe, expect, test } from "@jest/globals";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import { encodeUTF8 } from "../bytes/index.js";
import { formatJSON, numberField, parseJSONObject, textField } from "./index.js";

test("parseJSONObject returns an object", () => {
  expect(parseJSONObject(encodeUTF8('{"a":1}'))).toEqual({ a: 1 });
});

test.each(["", "[]", "null", '"a"', "1", "{", '{"a":1}x', "\ufeff{}"])("%j is not an object", (text) => {
  expect(parseJSONObject(encodeUTF8(text))).toBeUndefined();
});

test("bytes that are not UTF-8 are not an object", () => {
  expect(parseJSONObject(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBeUndefined();
});

/** Returns the JSON of an object with nested arrays, `depth` levels in all. */
function nested(depth: number): string {
  return `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
}

test("an object that nests 8 deep is parsed, and one that nests 9 deep is refused", () => {
  expect(parseJSONObject(encodeUTF8(nested(8)))).toBeDefined();
  expect(parseJSONObject(encodeUTF8(nested(9)))).toBeUndefined();
  expect(parseJSONObject(encodeUTF8(`${'{"a":'.repeat(9)}1${"}".repeat(9)}`))).toBeUndefined();
});

test.each([
  ["1.4 kB of brackets", "[".repeat(1400)],
  ["16 kB of brackets", "[".repeat(16_000)],
  ["1.4 kB of brackets in an object", `{"data":${"[".repeat(1400)}`],
  ["brackets after a string that ends in a backslash", `{"a":"\\\\","b":${"[".repeat(1400)}`],
  ["brackets after a quote that is escaped", `{"a":"\\"","b":${"[".repeat(1400)}`],
  ["objects without an end", '{"a":'.repeat(1400)],
  ["many brackets after many closing ones", `${"]".repeat(9)}${"[".repeat(16_000)}`],
])("%s are refused", (_name, text) => {
  expect(parseJSONObject(encodeUTF8(text))).toBeUndefined();
});

test("brackets in strings and of siblings do not count as depth", () => {
  const object = { "[[[[[[[[[": '"[[[[[[[[[\\', list: Array.from({ length: 20 }, () => [{}]), end: "{" };
  expect(parseJSONObject(encodeUTF8(JSON.stringify(object)))).toEqual(object);
});

function randomValue(random: Random, depth: number): unknown {
  const values = () => Array.from({ length: random.int(3) }, () => randomValue(random, depth - 1));
  const text = () => Array.from({ length: random.int(6) }, () => random.pick([...'["\\]{}é'])).join("");
  if (depth === 0 || random.bool(0.2)) return random.pick<unknown>([text(), random.int(99), null, true]);
  return random.bool() ? values() : Object.fromEntries(values().map((value) => [text(), value]));
}

/** Returns the nesting depth of a value. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("a random object is parsed if and only if it nests at most 8 deep", () => {
  const random = new Random(841);
  for (let run = 0; run < FUZZ_RUNS / 10; run++) {
    const value = { a: randomValue(random, 12) };
    const parsed = parseJSONObject(encodeUTF8(JSON.stringify(value)));
    const expected = depthOf(value) <= 8 ? value : undefined;
    if (JSON.stringify(parsed) !== JSON.stringify(expected)) {
      throw new Error(`seed 841, run ${run}: ${JSON.stringify(value)}`);
    }
  }
});

test("a field of the wrong type or size is ignored", () => {
  const object = { text: "abc", empty: "", number: 7, nan: Number.NaN };
  expect(textField(object, "text", 3)).toBe("abc");
  expect(textField(object, "text", 2)).toBeUndefined();
  expect(textField(object, "empty", 3)).toBeUndefined();
  expect(textField(object, "number", 3)).toBeUndefined();
  expect(numberField(object, "number", { min: 6, max: 7 })).toBe(7);
  // -0 would not be read as it was written.
  expect(numberField({ x: -0 }, "x", { min: 0, max: 9 })).toBe(0);
  expect(numberField(object, "number", { min: 8, max: 9 })).toBeUndefined();
  expect(numberField(object, "nan", { min: 0, max: 9 })).toBeUndefined();
  expect(numberField(object, "text", { min: 0, max: 9 })).toBeUndefined();
});

test("an inherited field is ignored", () => {
  expect(textField({}, "constructor", 99)).toBeUndefined();
  expect(textField(parseJSONObject(encodeUTF8('{"__proto__":{"tag":"x"}}')) ?? {}, "tag", 9)).toBeUndefined();
});

describe("formatJSON", () => {
  const own = JSON.stringify;

  afterEach(() => {
    JSON.stringify = own;
  });

  /** Lets `JSON.stringify` refuse constants as XS does on the chip, where they are in flash. */
  function refuseConstants(): void {
    const check = (
      key: string,
      value: unknown,
      replacer?: (key: string, value: unknown) => unknown,
    ): void => {
      const replaced = replacer ? replacer(key, value) : value;
      if (typeof replaced !== "object" || replaced === null) return;
      if (Object.isFrozen(replaced)) throw new TypeError("read only value");
      for (const [name, part] of Object.entries(replaced)) check(name, part, replacer);
    };
    JSON.stringify = ((value: unknown, replacer?: never) => {
      check("", value, replacer);
      return own(value, replacer);
    }) as typeof JSON.stringify;
  }

  const CONSTANT = Object.freeze({ code: "crashes", list: Object.freeze([1, Object.freeze({ two: null })]) });

  test("accepts constants at any depth", () => {
    refuseConstants();
    expect(() => JSON.stringify({ problem: CONSTANT })).toThrow("read only value");
    const text = '{"problem":{"code":"crashes","list":[1,{"two":null}]}}';
    expect(formatJSON({ problem: CONSTANT, missing: undefined })).toBe(text);
    expect(formatJSON(CONSTANT.list)).toBe('[1,{"two":null}]');
  });

  test.each(['a "name"', 1.5, true, null, [], {}])("formats %j as JSON.stringify does", (value) => {
    expect(formatJSON(value)).toBe(JSON.stringify(value));
  });
});
