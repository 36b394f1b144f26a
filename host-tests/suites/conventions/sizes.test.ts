/**
 * Checks the length of files, and of functions in tests. Biome's noExcessiveLinesPerFunction checks all other functions;
 * it cannot exempt a describe, which holds tests.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseSync } from "@swc/core";
import { ROOT } from "../../tools/imports.js";

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;
/** Folders on which the length of files is checked. */
const FIRMWARE = ["firmware", "modules"];
const TREE = [...FIRMWARE, "host-tests", "platform-stub", "scripts"];

const FUNCTION = /^(ArrowFunction|Function)Expression$|^FunctionDeclaration$|^ClassMethod$/;

interface Node {
  readonly type: string;
  readonly span: { readonly start: number; readonly end: number };
  readonly callee?: unknown;
  readonly arguments?: readonly { readonly expression: unknown }[];
}

function sources(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => posix.join(folder, name.split(sep).join("/")))
      .filter((name) => name.endsWith(".ts")),
  );
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** Whether a called expression is `describe`, `describe.each(…)`, `describeWithChromium` or a choice between such. */
function isDescribe(callee: unknown): boolean {
  if (typeof callee !== "object" || callee === null) return false;
  const { type, value } = callee as Record<string, unknown>;
  if (type === "Identifier") return String(value).startsWith("describe");
  return Object.values(callee).some(isDescribe);
}

/** Returns the first lines of the functions that are too long. Blank lines and describes in them do not count. */
function longFunctions(source: string): string[] {
  const bytes = Buffer.from(source);
  const found: string[] = [];
  /** The callbacks of describes. */
  const groups = new Set<unknown>();

  function linesOf({ span }: Node): string[] {
    // Positions of swc are in bytes and start at 1.
    const text = bytes.subarray(span.start - 1, span.end - 1).toString();
    return text.split("\n").filter((line) => line.trim() !== "");
  }

  /** Returns the number of lines of the describes in a part of the syntax tree. */
  function visit(value: unknown): number {
    if (typeof value !== "object" || value === null) return 0;
    const node = value as Node;
    const isGroup = node.type === "CallExpression" && isDescribe(node.callee);
    if (isGroup) for (const { expression } of node.arguments ?? []) groups.add(expression);
    const described = Object.values(value).reduce<number>((sum, item) => sum + visit(item), 0);
    if (isGroup) return linesOf(node).length;
    if (FUNCTION.test(node.type) && !groups.has(node)) {
      const lines = linesOf(node);
      if (lines.length - described > MAX_FUNCTION_LINES) found.push(lines[0]?.trim() ?? "");
    }
    return described;
  }

  visit(parseSync(source, { syntax: "typescript", target: "es2022" }).body);
  return found;
}

describe("a file", () => {
  test.each(FIRMWARE)("in %s has at most 400 lines", (folder) => {
    const long = sources([folder]).filter((file) => read(file).split("\n").length - 1 > MAX_FILE_LINES);
    expect(long).toEqual([]);
  });
});

describe("a function", () => {
  test.each(TREE)("in a test in %s has at most 70 lines", (folder) => {
    const tests = sources([folder]).filter((file) => /\.test\.ts$|\/contracts\//.test(file));
    const long = tests.flatMap((file) => longFunctions(read(file)).map((line) => `${file}: ${line}`));
    expect(long).toEqual([]);
  });

  test("is measured without blank lines and without the describes in it", () => {
    const body = "  f();\n\n".repeat(69);
    expect(longFunctions(`function a() {\n${body}}\n`)).toEqual(["function a() {"]);
    expect(longFunctions(`const a = () => {\n${body.slice(8)}};\n`)).toEqual([]);
    expect(longFunctions(`describe("é", () => {\n${body}});\n`)).toEqual([]);
    expect(
      longFunctions(`describe.each([1])("a", () => {\n${body}  test("b", () => {\n${body}});\n});\n`),
    ).toEqual(["() => {"]);
    expect(longFunctions(`export function contract() {\n  describe("a", () => {\n${body}});\n}\n`)).toEqual(
      [],
    );
  });
});
