/** Runs the tests of the ESP32 board's C code that needs no chip (firmware/boards/esp32/gatt/gatt-table.test.c). */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { skipFor } from "../optional.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SOURCES = "firmware/boards/esp32/gatt";
const COMPILER = process.env.CC ?? "cc";
const FLAGS =
  "-std=c11 -Wall -Wextra -Wconversion -Werror -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all";
const STEPS = 100_000;
const hasCompiler = spawnSync(COMPILER, ["--version"]).status === 0;

if (!hasCompiler) skipFor(`the tests of ${SOURCES} need a C compiler, for example "apt-get install gcc"`);

(hasCompiler ? describe : describe.skip)("the connection table of the ESP32's GATT server", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "plugpass-gatt-"));
    const sources = ["gatt-table.c", "gatt-table.test.c"].map((name) => join(ROOT, SOURCES, name));
    const { status, stderr } = spawnSync(
      COMPILER,
      [...FLAGS.split(" "), ...sources, "-o", join(folder, "test")],
      {
        encoding: "utf8",
      },
    );
    expect([status, stderr]).toEqual([0, ""]);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([1, 2, 3])("passes its tests and random sequences under the sanitizers, seed %i", (seed) => {
    const { status, stdout, stderr } = spawnSync(join(folder, "test"), [String(STEPS), String(seed)], {
      encoding: "utf8",
    });
    expect([stdout, stderr, status]).toEqual(["", "", 0]);
  });
});
