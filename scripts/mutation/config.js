/** Configuration of Stryker: mutation tests of the pure files that safety and access control depend on. */

import { readFileSync } from "node:fs";

/** The mutated files, each with the unit tests that must detect its mutants: only the fast ones beside the file. */
const TESTS_OF = {
  "modules/authorization/authorization.ts": ["modules/authorization/authorization.test.ts"],
  "modules/authorization/cache.ts": ["modules/authorization/cache.test.ts"],
  "modules/authorization/limiter.ts": ["modules/authorization/limiter.test.ts"],
  "modules/authorization/list-update.ts": ["modules/authorization/list-update.test.ts"],
  "modules/authorization/offline-verifier.ts": ["modules/authorization/offline-verifier.test.ts"],
  "modules/authorization/platform-verifier.ts": ["modules/authorization/platform-verifier.test.ts"],
  "modules/charging/machine.ts": ["modules/charging/machine.test.ts"],
  "modules/charging/pilot.ts": ["modules/charging/pilot.test.ts"],
  "modules/requests/response.ts": ["modules/requests/response.test.ts"],
  "modules/updates/boot-trial.ts": ["modules/updates/boot-trial.test.ts"],
  "modules/updates/trial.ts": ["modules/updates/rules.test.ts"],
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
