import { expect, test } from "@jest/globals";
import { encodeUTF8 } from "../bytes/index.js";
import { numberField, parseJSONObject, textField } from "./index.js";

test("an object is read", () => {
  expect(parseJSONObject(encodeUTF8('{"a":1}'))).toEqual({ a: 1 });
});

test.each(["", "[]", "null", '"a"', "1", "{", '{"a":1}x', "\ufeff{}"])("%j is not an object", (text) => {
  expect(parseJSONObject(encodeUTF8(text))).toBeUndefined();
});

test("bytes that are not UTF-8 are not an object", () => {
  expect(parseJSONObject(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBeUndefined();
});

test("a field counts only when it has the type and the size", () => {
  const object = { text: "abc", empty: "", number: 7, nan: Number.NaN };
  expect(textField(object, "text", 3)).toBe("abc");
  expect(textField(object, "text", 2)).toBeUndefined();
  expect(textField(object, "empty", 3)).toBeUndefined();
  expect(textField(object, "number", 3)).toBeUndefined();
  expect(numberField(object, "number", { min: 6, max: 7 })).toBe(7);
  expect(numberField(object, "number", { min: 8, max: 9 })).toBeUndefined();
  expect(numberField(object, "nan", { min: 0, max: 9 })).toBeUndefined();
  expect(numberField(object, "text", { min: 0, max: 9 })).toBeUndefined();
});

test("a field that every object inherits is not there", () => {
  expect(textField({}, "constructor", 99)).toBeUndefined();
  expect(textField(parseJSONObject(encodeUTF8('{"__proto__":{"tag":"x"}}')) ?? {}, "tag", 9)).toBeUndefined();
});
