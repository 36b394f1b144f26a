import { describe, expect, test } from "@jest/globals";
import { parseForm } from "./form.js";

function fieldsOf(text: string): unknown {
  const form = parseForm(text);
  return form.ok ? Object.fromEntries(form.fields) : form.message;
}

const NOT_ENCODED = "a field is not percent-encoded UTF-8";

describe("parseForm", () => {
  test.each<[string, object]>([
    ["", {}],
    ["&&", {}],
    ["a=1", { a: "1" }],
    ["a=1&b=2", { a: "1", b: "2" }],
    ["&a=1&", { a: "1" }],
    ["a", { a: "" }],
    ["a=", { a: "" }],
    ["=1", { "": "1" }],
    ["a=1=2", { a: "1=2" }],
    ["a=1+2", { a: "1 2" }],
    ["a=1%2B2", { a: "1+2" }],
    ["a=%31%32", { a: "12" }],
    ["a=x%26b%3D1", { a: "x&b=1" }],
    ["ss%69d=Caf%C3%A9", { ssid: "Café" }],
    ["ssid=Café", { ssid: "Café" }],
    ["ssid=Café%20é+ü", { ssid: "Café é ü" }],
    ["a=%f0%9f%9a%97", { a: "🚗" }],
    ["a=\n", { a: "\n" }],
    ["__proto__=1", JSON.parse('{"__proto__":"1"}')],
  ])("reads %j", (text, fields) => {
    expect(fieldsOf(text)).toEqual(fields);
  });

  test.each([
    "a=%",
    "a=%4",
    "a=%zz",
    "a=%+1",
    "%=1",
    "a=%ff",
    "a=%c3",
    "a=%ed%a0%80",
    "a=%00",
    "a=\0",
    "%00=1",
  ])("refuses %j", (text) => {
    expect(fieldsOf(text)).toBe(NOT_ENCODED);
  });

  test.each(["a=1&a=2", "a=1&%61=2", "a&b&a"])("refuses the repeated field in %j", (text) => {
    expect(fieldsOf(text)).toBe('the field "a" is given twice');
  });

  test("names at most 32 characters of a repeated field", () => {
    const name = "x".repeat(100);
    expect(fieldsOf(`${name}&${name}`)).toBe(`the field "${"x".repeat(32)}" is given twice`);
  });

  test("accepts 32 fields and refuses more", () => {
    const fields = Array.from({ length: 33 }, (_, n) => `f${n}=${n}`);
    expect(parseForm(fields.slice(0, 32).join("&")).ok).toBe(true);
    expect(fieldsOf(fields.join("&"))).toBe("there are more than 32 fields");
  });
});
