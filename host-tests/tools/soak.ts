/** `npm run soak`: the long runs. Their short form runs in CI; any length by a flag. */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { fail } from "../../platform-stub/command-line.js";
import { ROOT } from "./imports.js";
import { HOW_TO_GET_XS, isXSInstalled } from "./xs/engine.js";

interface SoakOptions {
  readonly fuzzRuns: number;
  readonly weeks: number;
  readonly xsWeeks: number;
  readonly results?: string;
}

const SUITES = "host-tests/suites/soak/";

new Command("npm run soak --")
  .description("Fuzzers, random updates, the fleet, all portable tests on XS, and simulated weeks")
  .option("--fuzz-runs <n>", "inputs of each fuzzer; a tenth as many random updates", count, 10_000)
  .option("--weeks <n>", "simulated weeks of a café on Node", count, 200)
  .option("--xs-weeks <n>", "simulated weeks on XS", count, 10)
  .option("--results <file>", "file for Jest's results, JSON")
  .showHelpAfterError()
  .action(soak)
  .parseAsync()
  .catch(fail);

function soak({ fuzzRuns, weeks, xsWeeks, results }: SoakOptions): void {
  const jest = ["node_modules/jest/bin/jest.js", "--globals", JSON.stringify({ fuzzRuns })];
  // In place of the patterns of package.json, which leave the suites of this command out.
  jest.push("--testPathIgnorePatterns", "/node_modules/", "<rootDir>/build/");
  if (results !== undefined) jest.push("--json", `--outputFile=${results}`);
  const steps: [string, string[]][] = [
    [
      `tests with ${fuzzRuns} inputs a fuzzer`,
      [
        "--experimental-vm-modules",
        "--disable-warning=ExperimentalWarning",
        ...jest,
        "--",
        ...randomTests(),
        SUITES,
      ],
    ],
    [`${weeks} simulated weeks`, simulate("--seeds", String(weeks))],
  ];
  if (isXSInstalled()) {
    steps.push([
      `${xsWeeks} simulated weeks on XS`,
      simulate("--xs", "--seeds", String(xsWeeks), "--jobs", "1"),
    ]);
  } else process.stdout.write(`skipped: weeks on XS: ${HOW_TO_GET_XS}\n`);
  const failed = steps.filter(([name, words]) => !succeeds(name, words)).map(([name]) => name);
  if (failed.length > 0) throw new Error(`failed: ${failed.join(", ")}`);
}

/** The tests whose length `FUZZ_RUNS` sets. */
function randomTests(): string[] {
  return ["modules", "host-tests"]
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((file) =>
        join(folder, file),
      ),
    )
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => readFileSync(join(ROOT, file), "utf8").includes("FUZZ_RUNS"));
}

function simulate(...words: string[]): string[] {
  return ["scripts/run.js", "host-tests/tools/simulate/index.ts", ...words];
}

function succeeds(name: string, words: string[]): boolean {
  process.stdout.write(`\n${name}\n`);
  const { status } = spawnSync(process.execPath, words, { cwd: ROOT, stdio: "inherit" });
  return status === 0;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return Number(text);
}
