/** Runs every portable test on the chip's engine. */

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Engine, HOW_TO_GET_XS, isXSInstalled } from "../../tools/xs/engine.js";
import { portableTests, runSuite } from "../../tools/xs/suites.js";
import { skipFor } from "../optional.js";

/** Time limit of one file, ms: an interpreter on a slow machine. */
const PATIENCE_MS = 240_000;

if (isXSInstalled()) describe("on XS", testOnXS);
else skipFor(HOW_TO_GET_XS);

function testOnXS(): void {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
  });

  afterAll(() => engine.close());

  test.each(portableTests())(
    "%s passes",
    async (file) => {
      const outcomes = await runSuite(engine, file);
      expect(outcomes.length).toBeGreaterThan(0);
      expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
    },
    PATIENCE_MS,
  );
}
