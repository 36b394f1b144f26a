/**
 * What modules may touch; `.dependency-cruiser.js` has what they may import. The modules run on the chip, in Node and on
 * bare XS, several stations to a process and in virtual time: one `setTimeout` would end that.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { parseSync } from "@swc/core";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.split(sep).join("/")))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.endsWith(".d.ts"));
}

function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodesOf(item);
  } else if (typeof value === "object" && value !== null) {
    if ("type" in value && typeof value.type === "string") yield value as Node;
    for (const item of Object.values(value)) yield* nodesOf(item);
  }
}

function parse(source: string): Node[] {
  return [...nodesOf(parseSync(source, { syntax: "typescript", target: "es2022" }).body)];
}

/** Biome's rule against globals knows no members of them. */
function drawsRandomNumbers(source: string): boolean {
  return parse(source).some(
    (node) =>
      node.type === "MemberExpression" &&
      (node.object as Node).value === "Math" &&
      (node.property as Node).value === "random",
  );
}

/** Also `JSON["parse"]`, and `JSON` handed on or taken apart. */
function parsesJSON(source: string): boolean {
  const nodes = parse(source);
  const uses = nodes.filter((node) => node.type === "Identifier" && node.value === "JSON").length;
  const writes = nodes.filter(
    (node) =>
      node.type === "MemberExpression" &&
      (node.object as Node).value === "JSON" &&
      (node.property as Node).value === "stringify",
  ).length;
  return uses > writes;
}

/** `#name`, which costs memory on XS (docs/decisions/009-private-by-typescript.md). */
function hasPrivateNames(source: string): boolean {
  return parse(source).some((node) => node.type === "PrivateName");
}

/** What Biome, set up as it is here, says of a source that stands at `file` in a project. */
function lint(file: string, source: string): string {
  const project = mkdtempSync(join(tmpdir(), "plugpass-lint-"));
  try {
    const config = JSON.parse(readFileSync(join(ROOT, "biome.json"), "utf8"));
    writeFileSync(join(project, "biome.json"), JSON.stringify({ ...config, vcs: { enabled: false } }));
    mkdirSync(join(project, dirname(file)), { recursive: true });
    writeFileSync(join(project, file), source);
    const biome = join(ROOT, "node_modules", "@biomejs", "biome", "bin", "biome");
    const { stdout, stderr } = spawnSync(process.execPath, [biome, "lint", "--max-diagnostics=99"], {
      cwd: project,
      encoding: "utf8",
    });
    return stdout + stderr;
  } finally {
    rmSync(project, { recursive: true });
  }
}

const onTheChip = [
  ...sourceFiles("modules"),
  ...sourceFiles("firmware").filter((file) => !/^firmware\/(boards\/|main\.ts)/.test(file)),
];

describe("what runs on the chip", () => {
  test("is found", () => {
    expect(onTheChip).toContain("modules/board/board.ts");
    expect(onTheChip).toContain("firmware/station.ts");
  });

  test("draws no random numbers but the board's", () => {
    const files = onTheChip.filter((file) => drawsRandomNumbers(readFileSync(join(ROOT, file), "utf8")));
    expect(files).toEqual([]);
  });

  test("calls JSON.parse only in modules/json, which limits the depth", () => {
    const files = [...sourceFiles("modules"), ...sourceFiles("firmware")];
    const callers = files.filter((file) => parsesJSON(readFileSync(join(ROOT, file), "utf8")));
    expect(callers).toEqual(["modules/json/index.ts"]);
  });

  test("has TypeScript's private members, not the engine's", () => {
    const files = [...sourceFiles("modules"), ...sourceFiles("firmware")].filter((file) =>
      hasPrivateNames(readFileSync(join(ROOT, file), "utf8")),
    );
    expect(files).toEqual([]);
  });
});

describe("these checks", () => {
  test("find Math.random", () => {
    expect(drawsRandomNumbers("const x = Math.random();")).toBe(true);
  });

  test.each([
    "JSON.parse(text);",
    'JSON["parse"](text);',
    "const { parse } = JSON;",
    "globalThis.JSON.parse(text);",
    "texts.map(JSON.parse);",
  ])("find a call of JSON.parse in %s", (source) => {
    expect(parsesJSON(source)).toBe(true);
    expect(parsesJSON("JSON.stringify(value);")).toBe(false);
  });

  // The rule itself is Biome's (`npm run check`); this is that it holds where it has to.
  test.each(["modules/x/y.ts", "firmware/station.ts", "firmware/ui/y.ts"])(
    "keep globals that reach a host out of %s",
    (file) => {
      const globals = ["Date", "setTimeout", "Promise", "Buffer", "process", "crypto", "fetch", "console"];
      const report = lint(file, `export const x = [${globals.join(", ")}];\n`);
      expect(report.match(/noRestrictedGlobals/g)).toHaveLength(globals.length);
    },
  );

  test.each(["class A { #x = 1; }", "class A { #f(): void {} }"])("find a private name in %s", (source) => {
    expect(hasPrivateNames(source)).toBe(true);
    expect(hasPrivateNames(source.replaceAll("#", "private _"))).toBe(false);
  });
});
