/** Stryker's configuration: mutation tests of the pure files that protect people. */

import { readFileSync } from "node:fs";

/** The mutated files, and the unit tests that have to notice: the fast ones beside the file, and no others. */
const TESTS_OF = {
  "modules/authorization/limiter.ts": ["modules/authorization/limiter.test.ts"],
  "modules/charging/machine.ts": ["modules/charging/machine.test.ts"],
  "modules/charging/pilot.ts": ["modules/charging/pilot.test.ts"],
  "platform-stub/access.ts": ["platform-stub/access.test.ts"],
};

const { jest } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  mutate: Object.keys(TESTS_OF),
  testRunner: "jest",
  testRunnerNodeArgs: ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"],
  jest: {
    projectType: "custom",
    enableFindRelatedTests: false,
    config: {
      ...jest,
      testEnvironment: "@stryker-mutator/jest-runner/jest-env/node",
      testMatch: Object.values(TESTS_OF)
        .flat()
        .map((file) => `<rootDir>/${file}`),
    },
  },
  coverageAnalysis: "perTest",
  // A busy machine is no endless loop: a mutant that times out counts as noticed.
  timeoutMS: 30_000,
  concurrency: 1,
  reporters: ["progress-append-only", "json"],
  jsonReporter: { fileName: "build/mutation/report.json" },
  tempDirName: "build/mutation/sandbox",
  ignorePatterns: ["docs", "build", "coverage"],
  // Stryker would rewrite its paths with an API that TypeScript 7 does not have; SWC reads no tsconfig.
  tsconfigFile: "none",
};
