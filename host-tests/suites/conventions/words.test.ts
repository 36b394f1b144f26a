import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ROOT } from "../../tools/imports.js";
import { DOCSTRING_RULES, findWords, WORD_RULES } from "./words.js";

const SOURCES = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--", "*.ts", "*.js"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .trim()
  .split("\n")
  // This check and its examples spell out what they ban.
  .filter((file) => !file.startsWith("host-tests/suites/conventions/words."));

describe("the words of the project", () => {
  test("name roles and say what a thing is", () => {
    const findings = SOURCES.flatMap((file) => findWords(file, readFileSync(join(ROOT, file), "utf8")));
    expect(findings.map(({ file, line, rule, text }) => `${file}:${line}: ${rule}: ${text}`)).toEqual([]);
  });

  test.each([
    ["/** What the owner may set. */", "docstring without a subject"],
    ["/**\n * Of the session under way.\n */", "docstring without a subject"],
    ["/** The station looks for updates by itself, */", "docstring of several declarations"],
    ["// Nobody asks any more.", "unnamed person"],
    ["/** A list where there is none, or there are none. */", "is none"],
    ["// Asked as often.", "as often"],
    ['test("tells whoever listens", () => {});', "unnamed person"],
    ['test.each([1])("somebody %s", () => {});', "unnamed person"],
  ])("a check finds %j", (source, rule) => {
    expect(findWords("example.ts", source)).toMatchObject([{ line: expect.any(Number), rule }]);
  });

  test("a string in code is not checked", () => {
    expect(findWords("example.ts", 'const role = "nobody";')).toEqual([]);
  });

  test("each rule gives advice", () => {
    for (const { advice } of [...WORD_RULES, ...DOCSTRING_RULES]) expect(advice).not.toBe("");
  });
});
