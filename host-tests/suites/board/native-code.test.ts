/** Runs the tests of the ESP32 board's C code that needs no chip (firmware/boards/esp32), under sanitizers. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeEmptyHeaders } from "../../tools/fuzz/targets.js";
import { SANITIZED } from "../../tools/native-compiler.js";
import { skipFor } from "../optional.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SOURCES = "firmware/boards/esp32";
const COMPILER = process.env.CC ?? "cc";
const STEPS = 100_000;
const hasCompiler = spawnSync(COMPILER, ["--version"]).status === 0;

if (!hasCompiler) skipFor(`the tests of ${SOURCES} need a C compiler, for example "apt-get install gcc"`);

const source = (name: string) => readFileSync(join(ROOT, SOURCES, name), "utf8");

(hasCompiler ? describe : describe.skip)("C code of the ESP32 board", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "plugpass-native-"));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  /** Compiles a test, and runs it. */
  function run(names: string[], parameters: string[] = [], flags: string[] = []) {
    const program = join(folder, "test");
    const sources = names.map((name) => join(ROOT, SOURCES, name));
    const compiler = spawnSync(COMPILER, ["-std=c11", ...SANITIZED, ...flags, ...sources, "-o", program], {
      encoding: "utf8",
    });
    expect([compiler.status, compiler.stderr]).toEqual([0, ""]);
    const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: "utf8" });
    expect([stdout, stderr, status]).toEqual(["", "", 0]);
  }

  test.each([1, 2, 3])(
    "the GATT server's connection table passes its tests and random sequences, seed %i",
    (seed) => {
      run(["gatt/gatt-table.c", "gatt/gatt-table.test.c"], [String(STEPS), String(seed)]);
    },
  );

  test("the end of a run is kept for the next one, also when an abort aborts again", () => {
    run(["engine/abort.c", "engine/kept-end.c", "engine/kept-end.test.c"]);
  });

  /** Makes empty headers of the SDKs. Returns the compiler's options to find them. */
  function emptyHeadersOf(...names: string[]): string[] {
    makeEmptyHeaders(folder, ...names);
    return ["-I", folder];
  }

  test("calls into lwIP use no freed connection, lose no memory when lwIP has none, and run while its task is held", () => {
    run(["lwip/lwip-calls.test.c"], [], [...emptyHeadersOf("lwip/lwip-calls.c"), "-pthread"]);
  });

  test("Ethernet starts again after any failure, and reports a flapping link with one message", () => {
    const headers = emptyHeadersOf("ethernet/ethernet.c", "ethernet/ethernet-driver.h");
    run(["ethernet/ethernet.test.c"], [], [...headers, "-Wno-unused-parameter"]);
  });
});

describe.each([
  ["gatt/native.ts", "gatt/gatt-server.c"],
  ["engine/native.ts", "engine/engine.c"],
  ["ethernet/native.ts", "ethernet/ethernet.c"],
  ["guard/native.ts", "guard/guard.c"],
  ["lwip/native.ts", "lwip/sockets.c"],
  ["tls/native.ts", "tls/tls-connections.c"],
])("native functions of %s", (typescript, c) => {
  test(`are the same in TypeScript and in ${c}`, () => {
    const named = [...source(typescript).matchAll(/native\("(\w+)"\)/g)].map((match) => match[1]);
    const defined = [...source(c).matchAll(/^void (xs_\w+)\((?:xsMachine|txMachine) \*the\)/gm)].map(
      (match) => match[1],
    );
    // The SDK's module net names this one.
    expect(named.sort()).toEqual(defined.filter((name) => name !== "xs_net_get").sort());
  });

  test("are each the only statement of their function, with its parameters: otherwise XS calls them by an object", () => {
    const functions = [
      ...source(typescript).matchAll(/^export function \w+\(([^{]*)\): [\w |]+ \{\n([^}]*)\n\}/gm),
    ];
    for (const [, parameters = "", body = ""] of functions) {
      const names = [...parameters.replace(/: \([^)]*\) => void/, ": void").matchAll(/(\w+):/g)].map(
        (one) => one[1],
      );
      expect(body).toMatch(new RegExp(`^ {2}(return )?native\\("\\w+"\\)\\.call\\(${names.join(", ")}\\);$`));
    }
    expect(functions).toHaveLength(source(typescript).match(/native\(/g)?.length ?? 0);
  });
});

test("the engine's own fxAbort is weak, and abort.c includes no header of the engine", () => {
  const { defines } = JSON.parse(readFileSync(join(ROOT, "manifests/chip.json"), "utf8"));
  expect(defines.plugpass.abort).toBe("1\n#pragma weak fxAbort");
  expect([...source("engine/abort.c").matchAll(/#include (.*)/g)].map((match) => match[1])).toEqual([
    '"engine.h"',
  ]);
});
