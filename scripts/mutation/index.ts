/**
 * `npm run mutate`: runs mutation tests of all files in scripts/mutation/tests.json or of the files in the arguments.
 * Fails if a mutant survives that scripts/mutation/survivors.json does not explain.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compareSurvivors, type ExplainedSurvivor, type MutationReport, survivorsOf } from "./survivors.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STRYKER = join(ROOT, "node_modules/@stryker-mutator/core/bin/stryker.js");

function readJSON<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8"));
}

function runStryker(file: string): MutationReport {
  const { status } = spawnSync(process.execPath, [STRYKER, "run", "scripts/mutation/config.js"], {
    cwd: ROOT,
    env: { ...process.env, PLUGPASS_MUTATED_FILE: file },
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  return readJSON("build/mutation/report.json");
}

/** Tests the mutants of a file. Returns messages about survivors and explanations that do not match. */
function testMutants(file: string): string[] {
  const report = runStryker(file);
  const found = survivorsOf(report);
  const explained = EXPLAINED.filter((survivor) => survivor.file === file);
  const mutantCount = Object.values(report.files).reduce((sum, { mutants }) => sum + mutants.length, 0);
  console.log(
    `${file}: ${found.length} of ${mutantCount} mutants survive, ${explained.length} are explained`,
  );
  return compareSurvivors(found, explained);
}

const EXPLAINED = readJSON<readonly ExplainedSurvivor[]>("scripts/mutation/survivors.json");
const FILES = Object.keys(readJSON<object>("scripts/mutation/tests.json"));
const given = process.argv.slice(2);
const unknown = given.filter((file) => !FILES.includes(file));
if (unknown.length > 0) {
  console.error(`scripts/mutation/tests.json names no tests of ${unknown.join(", ")}; add them`);
  process.exit(1);
}
const problems = (given.length > 0 ? given : FILES).flatMap(testMutants);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
