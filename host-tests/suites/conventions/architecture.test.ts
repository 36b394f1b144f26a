/**
 * Checks the globals and language features of modules. `.dependency-cruiser.js` has the rules for imports. The
 * modules run on the chip, in Node and on bare XS, with several stations in a process and in virtual time: one
 * `setTimeout` would break that.
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

/** Returns whether a source uses Math.random. Biome's rule against globals does not cover their members. */
function drawsRandomNumbers(source: string): boolean {
  return parse(source).some(
    (node) =>
      node.type === "MemberExpression" &&
      (node.object as Node).value === "Math" &&
      (node.property as Node).value === "random",
  );
}

/** Returns whether a source uses the engine's JSON. */
function usesJSON(source: string): boolean {
  return parse(source).some((node) => node.type === "Identifier" && node.value === "JSON");
}

/**
 * Returns whether a source has a private name, which costs memory on XS
 * (docs/decisions/009-private-by-typescript.md).
 */
function hasPrivateNames(source: string): boolean {
  return parse(source).some((node) => node.type === "PrivateName");
}

/** Runs Biome with the project's configuration on a source at the path `file`. Returns its output. */
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

describe("code that runs on the chip", () => {
  test("includes the board and the station", () => {
    expect(onTheChip).toContain("modules/board/board.ts");
    expect(onTheChip).toContain("firmware/station.ts");
  });

  test("takes no random numbers except from the board", () => {
    const files = onTheChip.filter((file) => drawsRandomNumbers(readFileSync(join(ROOT, file), "utf8")));
    expect(files).toEqual([]);
  });

  test("uses JSON only in modules/json, which limits the depth and copies constants", () => {
    const files = [...sourceFiles("modules"), ...sourceFiles("firmware")];
    const callers = files.filter((file) => usesJSON(readFileSync(join(ROOT, file), "utf8")));
    expect(callers).toEqual(["modules/json/index.ts"]);
  });

  test("uses TypeScript's private members, not the engine's", () => {
    const files = [...sourceFiles("modules"), ...sourceFiles("firmware")].filter((file) =>
      hasPrivateNames(readFileSync(join(ROOT, file), "utf8")),
    );
    expect(files).toEqual([]);
  });
});

describe("the architecture checks", () => {
  test("detect Math.random", () => {
    expect(drawsRandomNumbers("const x = Math.random();")).toBe(true);
  });

  test.each([
    "JSON.parse(text);",
    'JSON["parse"](text);',
    "const { parse } = JSON;",
    "globalThis.JSON.parse(text);",
    "texts.map(JSON.parse);",
    "JSON.stringify(value);",
  ])("detect JSON in %s", (source) => {
    expect(usesJSON(source)).toBe(true);
    expect(usesJSON("formatJSON(value);")).toBe(false);
  });

  // The rule itself is Biome's (`npm run check`). This tests that it applies to these folders.
  test.each(["modules/x/y.ts", "firmware/station.ts", "firmware/ui/y.ts"])(
    "reject globals of a host in %s",
    (file) => {
      const globals = ["Date", "setTimeout", "Promise", "Buffer", "process", "crypto", "fetch", "console"];
      const report = lint(file, `export const x = [${globals.join(", ")}];\n`);
      expect(report.match(/noRestrictedGlobals/g)).toHaveLength(globals.length);
    },
  );

  test.each(["class A { #x = 1; }", "class A { #f(): void {} }"])("detect a private name in %s", (source) => {
    expect(hasPrivateNames(source)).toBe(true);
    expect(hasPrivateNames(source.replaceAll("#", "private _"))).toBe(false);
  });
});
