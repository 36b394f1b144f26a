/**
 * `npm run mutate`: runs mutation tests of all files or of the files in the arguments. Fails if a mutant survives that
 * scripts/mutation/survivors.json does not explain.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compareSurvivors, type ExplainedSurvivor, type MutationReport, survivorsOf } from "./survivors.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

function readJSON<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8"));
}

function runStryker(files: readonly string[]): void {
  const stryker = join(ROOT, "node_modules/@stryker-mutator/core/bin/stryker.js");
  const choice = files.length > 0 ? ["--mutate", files.join(",")] : [];
  const { status } = spawnSync(process.execPath, [stryker, "run", "scripts/mutation/config.js", ...choice], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}

runStryker(process.argv.slice(2));
const report = readJSON<MutationReport>("build/mutation/report.json");
const found = survivorsOf(report);
const explained = readJSON<readonly ExplainedSurvivor[]>("scripts/mutation/survivors.json").filter(
  ({ file }) => file in report.files,
);
const problems = compareSurvivors(found, explained);
for (const problem of problems) console.error(problem);
console.log(`${found.length} mutants survive, ${explained.length} of them are explained`);
process.exitCode = problems.length === 0 ? 0 : 1;
