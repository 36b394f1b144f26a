import { expect, test } from "@jest/globals";
import { oneLine } from "./one-line.js";

test.each([
  ["refused: station-1: Žofie's café, 100 %", "refused: station-1: Žofie's café, 100 %"],
  ["a\r\nrefused: nothing", "a\\u{d}\\u{a}refused: nothing"],
  ["\u001b[2J\u0007\u009b", "\\u{1b}[2J\\u{7}\\u{9b}"],
  ["a\u202eb\u2028c", "a\\u{202e}b\\u{2028}c"],
])("%j is written as %j", (text, line) => {
  expect(oneLine(text)).toBe(line);
});

test("text over 1000 characters is cut", () => {
  expect(oneLine("x".repeat(100_000))).toBe(`${"x".repeat(1000)}…`);
});
