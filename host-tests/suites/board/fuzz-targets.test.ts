/** Runs the fuzz targets of the ESP32 board's C code (host-tests/tools/fuzz) with their corpus and with random inputs. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { build, canBuild, corpusOf, TARGETS } from "../../tools/fuzz/targets.js";
import { FUZZ_RUNS } from "../../virtual/world/random.js";
import { skipFor } from "../optional.js";

const COMPILER = process.env.CC ?? "cc";
const SEED = 20_261_127;
/** Time of a TLS handshake in inputs of the other targets. */
const HANDSHAKE_COST = 5;
/** Maximum number of handshakes: `npm run fuzz:c` looks for more. */
const MAX_HANDSHAKES = 20_000;
const missing = TARGETS.filter((target) => !canBuild(target, COMPILER));

/** Time of a million inputs, ms. */
jest.setTimeout(2 * 60 * 60_000);

for (const { name } of missing)
  skipFor(
    `the fuzz target ${name} needs a C compiler and libmbedtls-dev (apt-get install gcc libmbedtls-dev)`,
  );

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-fuzz-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe.each(TARGETS.filter((target) => !missing.includes(target)))("the fuzz target $name", (target) => {
  let program: string;

  beforeAll(() => {
    program = build(target, { compiler: COMPILER, folder, isFuzzer: false });
  });

  function run(corpus: string, count: number): { status: number | null; stdout: string; stderr: string } {
    const words = [corpus, String(count), String(SEED)];
    return spawnSync(program, words, { encoding: "utf8", cwd: folder });
  }

  test("finds no failure in its corpus and in random inputs", () => {
    const count = target.usesTLS ? Math.min(FUZZ_RUNS / HANDSHAKE_COST, MAX_HANDSHAKES) : FUZZ_RUNS;
    const { status, stdout, stderr } = run(corpusOf(target), count);
    expect([stderr, status]).toEqual(["", 0]);
    expect(Number(stdout.split(" ")[0])).toBeGreaterThan(count);
  });

  test("reports a corpus without inputs", () => {
    const empty = join(folder, "empty.txt");
    writeFileSync(empty, "");
    const { status, stderr } = run(empty, 1);
    expect(status).not.toBe(0);
    expect(stderr).toContain("corpus_count > 0");
  });
});
