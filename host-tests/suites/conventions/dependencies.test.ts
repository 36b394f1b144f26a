/**
 * Tests that the rules of `.dependency-cruiser.js` detect violations. `npm run check:imports` applies them to the
 * project.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { ROOT } from "../../tools/imports.js";

const FILES: Readonly<Record<string, string>> = {
  "modules/a/index.ts": 'export { a } from "./inside.js";',
  "modules/a/inside.ts": "export const a = 1;",
  "modules/b/node.ts": 'import { readFileSync } from "node:fs"; export const b = readFileSync;',
  "modules/b/sdk.ts": 'import Timer from "timer"; export const b = Timer;',
  "modules/b/inside.ts": 'import { a } from "../a/inside.js"; export const b = a;',
  "modules/b/late.ts": 'export const b = import("../a/inside.js");',
  "modules/b/up.ts": 'import { config } from "../../firmware/config.js"; export const b = config;',
  "modules/b/test-side.ts":
    'import { clock } from "../../host-tests/virtual/world/clock.js"; export const b = clock;',
  "modules/b/good.ts": 'import { a } from "../a/index.js"; export const b = a;',
  "modules/c/one.ts": 'import type { Two } from "./two.js"; export type One = Two;',
  "modules/c/two.ts": 'import type { One } from "./one.js"; export type Two = One;',
  "modules/web/index.ts": 'import { pairing } from "../pairing/index.js"; export const web = pairing;',
  "modules/pairing/index.ts": "export const pairing = 1;",
  "firmware/config.ts": "export const config = 1;",
  "firmware/main.ts": 'import { board } from "./boards/x/index.js"; export const main = board;',
  "firmware/station.ts": 'import { board } from "./boards/x/index.js"; export const station = board;',
  "firmware/ui/panel.ts": 'import { a } from "../../modules/a/inside.js"; export const panel = a;',
  "firmware/ui/node.ts": 'import { readFileSync } from "node:fs"; export const node = readFileSync;',
  "firmware/boards/x/index.ts": "export const board = 1;",
  "host-tests/virtual/world/clock.ts": "export const clock = 1;",
  "host-tests/virtual/world/node.ts":
    'import { readFileSync } from "node:fs"; export const node = readFileSync;',
  "host-tests/virtual/board/tool.ts":
    'import { tool } from "../../tools/tool.js"; export const board = tool;',
  "host-tests/tools/tool.ts": "export const tool = 1;",
  "host-tests/tools/suite.ts": 'import { suite } from "../suites/suite.js"; export const tool = suite;',
  "host-tests/tools/jest.ts": 'import { test } from "@jest/globals"; export const tool = test;',
  "host-tests/suites/suite.ts": 'import { tool } from "../tools/tool.js"; export const suite = tool;',
  "platform-stub/station.ts":
    'import { config } from "../firmware/config.js"; export const platform = config;',
  "platform-stub/build.ts": 'import { build } from "../scripts/build.js"; export const platform = build;',
  "platform-stub/lost.ts": 'import { lost } from "./nowhere.js"; export const platform = lost;',
  "scripts/build.ts": "export const build = 1;",
};

const answerSchema = z.object({
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })),
  }),
});

let project = "";
let broken: ReadonlySet<string>;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "plugpass-imports-"));
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  for (const [file, source] of Object.entries(FILES)) {
    mkdirSync(join(project, dirname(file)), { recursive: true });
    writeFileSync(join(project, file), source);
  }
  const depcruise = join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const config = join(ROOT, ".dependency-cruiser.js");
  const words = ["--config", config, "--output-type", "json"];
  const folders = ["firmware", "modules", "host-tests", "platform-stub", "scripts"];
  const { stdout } = spawnSync(process.execPath, [depcruise, ...words, ...folders], {
    cwd: project,
    encoding: "utf8",
  });
  const { violations } = answerSchema.parse(JSON.parse(stdout)).summary;
  broken = new Set(violations.map(({ from, rule }) => `${from}: ${rule.name}`));
}, 60_000);

afterAll(() => rmSync(project, { recursive: true }));

describe("the import rules", () => {
  test.each([
    ["a Node module in a module", "modules/b/node.ts: modules-only-modules"],
    ["a module of the SDK in a module", "modules/b/sdk.ts: modules-only-modules"],
    ["a file inside another module", "modules/b/inside.ts: modules-by-their-index"],
    ["a dynamic import", "modules/b/late.ts: modules-by-their-index"],
    ["a module that imports the firmware", "modules/b/up.ts: modules-only-modules"],
    ["a module that imports the virtual world", "modules/b/test-side.ts: product-imports-no-tests"],
    ["a cycle of types", "modules/c/one.ts: no-cycles"],
    ["web that imports pairing", "modules/web/index.ts: web-imports-no-pairing"],
    ["a station that imports a board", "firmware/station.ts: boards-only-from-the-entry"],
    ["a firmware file that imports the inside of a module", "firmware/ui/panel.ts: firmware-by-the-index"],
    ["a firmware file that imports Node", "firmware/ui/node.ts: firmware-only-modules"],
    ["a virtual world that imports Node", "host-tests/virtual/world/node.ts: virtual-needs-no-node"],
    ["a virtual board that imports a tool", "host-tests/virtual/board/tool.ts: virtual-imports-no-tools"],
    ["a tool that imports a suite", "host-tests/tools/suite.ts: nothing-imports-suites"],
    ["a tool that imports Jest", "host-tests/tools/jest.ts: no-jest-below-suites"],
    ["a platform that imports the firmware", "platform-stub/station.ts: platform-imports-modules"],
    ["a platform that imports a build script", "platform-stub/build.ts: product-imports-no-tests"],
    ["an import of a file that does not exist", "platform-stub/lost.ts: imports-resolve"],
  ])("detect %s", (_name, violation) => {
    expect([...broken]).toContain(violation);
  });

  test("report no violation in files that follow the rules", () => {
    const good = [
      "modules/a/",
      "modules/b/good.ts",
      "modules/pairing/",
      "firmware/main.ts",
      "host-tests/suites/",
    ];
    const reported = [...broken].filter((one) => good.some((path) => one.startsWith(path)));
    expect(reported).toEqual([]);
  });
});
