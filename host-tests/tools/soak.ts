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
  readonly boundaries: boolean;
  readonly minutes?: number;
  readonly results?: string;
}

const MINUTE_MS = 60_000;
const SUITES = "host-tests/suites/soak/";
/** Imports of the fuzzers of a boundary. */
const FUZZERS = /world\/fuzz\.js"|fuzz\/targets\.js"/;

new Command("npm run soak --")
  .description("Fuzzers, random updates, the fleet, all portable tests on XS, and simulated weeks")
  .option("--fuzz-runs <n>", "inputs of each fuzzer; a tenth as many random updates", count, 10_000)
  .option("--weeks <n>", "simulated weeks of a café on Node", count, 80)
  .option("--xs-weeks <n>", "simulated weeks on XS", count, 6)
  .option("--boundaries", "only the fuzzers of inputs from outside; for a million of each", false)
  .option(
    "--minutes <n>",
    "time limit of each of these fuzzers; it reports how many inputs it has reached",
    count,
  )
  .option("--results <file>", "file for Jest's results, JSON")
  .showHelpAfterError()
  .action(soak)
  .parseAsync()
  .catch(fail);

function soak({ fuzzRuns, weeks, xsWeeks, boundaries, minutes, results }: SoakOptions): void {
  const fuzzLimitMs = minutes && minutes * MINUTE_MS;
  const jest = ["node_modules/jest/bin/jest.js", "--globals", JSON.stringify({ fuzzRuns, fuzzLimitMs })];
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
        ...(boundaries ? ["--verbose"] : []),
        "--",
        ...(boundaries ? testsWith(/FUZZ_RUNS/, FUZZERS) : [...testsWith(/FUZZ_RUNS/), SUITES]),
      ],
    ],
  ];
  if (!boundaries) steps.push(...weeksSteps(weeks, xsWeeks));
  const failed = steps.filter(([name, words]) => !succeeds(name, words)).map(([name]) => name);
  if (failed.length > 0) throw new Error(`failed: ${failed.join(", ")}`);
}

function weeksSteps(weeks: number, xsWeeks: number): [string, string[]][] {
  const steps: [string, string[]][] = [[`${weeks} simulated weeks`, simulate("--seeds", String(weeks))]];
  if (isXSInstalled()) {
    steps.push([`${xsWeeks} simulated weeks on XS`, simulate("--xs", "--seeds", String(xsWeeks))]);
  } else process.stdout.write(`skipped: weeks on XS: ${HOW_TO_GET_XS}\n`);
  return steps;
}

/** The tests with these texts. `FUZZ_RUNS` sets the length of a test. */
function testsWith(...texts: readonly RegExp[]): string[] {
  return ["modules", "host-tests", "platform-stub"]
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((file) =>
        join(folder, file),
      ),
    )
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => {
      const source = readFileSync(join(ROOT, file), "utf8");
      return texts.every((text) => text.test(source));
    });
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
