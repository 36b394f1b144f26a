/**
 * Configuration of Stryker: mutation tests of one file that safety or access control depends on. `npm run mutate` starts
 * Stryker once per file, because each mutant loads all test files of the configuration.
 */

import { readFileSync } from "node:fs";

const readJSON = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const { jest } = readJSON("../../package.json");
const file = process.env.PLUGPASS_MUTATED_FILE;
const tests = readJSON("tests.json")[file];

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  mutate: [file],
  testRunner: "jest",
  testRunnerNodeArgs: ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"],
  jest: {
    projectType: "custom",
    enableFindRelatedTests: false,
    config: {
      ...jest,
      testEnvironment: "@stryker-mutator/jest-runner/jest-env/node",
      testMatch: tests.map((test) => `<rootDir>/${test}`),
    },
  },
  coverageAnalysis: "perTest",
  // The timeout allows for a busy machine, because a mutant that times out counts as detected.
  timeoutMS: 30_000,
  concurrency: 1,
  reporters: ["progress-append-only", "json"],
  jsonReporter: { fileName: "build/mutation/report.json" },
  tempDirName: "build/mutation/sandbox",
  ignorePatterns: ["docs", "build", "coverage"],
  // Stryker rewrites paths of tsconfig with an API that TypeScript 7 lacks. SWC needs no tsconfig.
  tsconfigFile: "none",
};
