/** Measures the chip's code on the chip's engine. `host-tests/suites/soak/xs.test.ts` runs all portable tests there. */

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  type Budget,
  costErrors,
  measureCosts,
  measureGrowth,
  moduleErrors,
  readBudget,
} from "../../tools/xs/costs.js";
import { Engine, HOW_TO_GET_XS, isXSInstalled } from "../../tools/xs/engine.js";
import { GROWTH_NOISE_SLOTS } from "../../tools/xs/limits.js";
import { runSuite } from "../../tools/xs/suites.js";
import { skipFor } from "../optional.js";

/** Time limit, ms: an interpreter on a slow machine. */
const PATIENCE_MS = 120_000;

function describeOnXS(define: () => void): void {
  if (isXSInstalled()) describe("on XS", define);
  else skipFor(HOW_TO_GET_XS);
}

describeOnXS(() => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
  });

  afterAll(() => engine.close());

  test(
    "each step stays within its budget, and 1,000 authorizations leak no memory",
    async () => {
      const fresh = await Engine.start();
      try {
        const budget = readBudget();
        const costs = await measureCosts(fresh);
        expect(costs.map(({ step }) => step)).toEqual(Object.keys(budget.steps));
        expect(costs.flatMap((cost) => costErrors(cost, budget))).toEqual([]);
        expect(Math.abs(await measureGrowth(fresh))).toBeLessThan(GROWTH_NOISE_SLOTS);
      } finally {
        fresh.close();
      }
    },
    PATIENCE_MS,
  );

  test("a script that throws is reported, and the machine keeps running", async () => {
    await expect(engine.evaluate("throw new Error('as it should')")).rejects.toThrow("as it should");
    expect((await engine.evaluate("report(6 * 7)")).reports).toEqual([42]);
  });

  test("a failing test is distinguished from a passing one", async () => {
    const [passes, fails] = await runSuite(engine, "host-tests/suites/xs/canary.ts");
    expect(passes).toEqual({ name: "canary › passes" });
    expect(fails).toMatchObject({
      name: "canary › fails",
      error: expect.stringContaining("expected 1 toBe 2"),
    });
  });
});

describe("the budget of a step", () => {
  const budget: Budget = {
    goals: { step: 1030 },
    steps: { step: { bytecodes: 1000, slots: 100 } },
    modules: {},
    chip: { boardBytes: 0, neededBytes: {} },
  };

  test.each<[string, { bytecodes: number; slots: number }, string[]]>([
    ["may cost what it did, and 2 % more", { bytecodes: 1020, slots: 102 }, []],
    ["may cost less", { bytecodes: 1, slots: 1 }, []],
    ["may not take more heap", { bytecodes: 1000, slots: 103 }, ["103 slots, 100 before"]],
    [
      "may not pass its goal",
      { bytecodes: 1031, slots: 100 },
      ["over the goal of 1030", "1031 bytecodes, 1000 before"],
    ],
    [
      "may not grow by more",
      { bytecodes: 1051, slots: 100 },
      ["over the goal", "1051 bytecodes, 1000 before"],
    ],
  ])("%s", (_name, cost, expected) => {
    const errors = costErrors({ step: "step", ...cost }, budget);
    expect(errors).toHaveLength(expected.length);
    for (const [i, text] of expected.entries()) expect(errors[i]).toContain(text);
  });

  test("is required", () => {
    expect(costErrors({ step: "new", bytecodes: 1, slots: 1 }, budget)).toHaveLength(1);
  });
});

describe("the budget of a module", () => {
  const rows = (slots: number) => [
    { file: "modules/mqtt/client.ts", class: "MQTTClient", instances: 1, slots: slots - 1 },
    { file: "modules/mqtt/outbox.ts", class: "Outbox", instances: 1, slots: 1 },
    { file: "host-tests/tools/xs/quiet-board.ts", class: "", instances: 1, slots: 1000 },
  ];

  test("may hold what it did, and 2 % more", () => {
    expect(moduleErrors({ rows: rows(102) }, { modules: { "modules/mqtt": 100 } })).toEqual([]);
  });

  test("may not hold more", () => {
    expect(moduleErrors({ rows: rows(103) }, { modules: { "modules/mqtt": 100 } })).toEqual([
      expect.stringContaining("modules/mqtt: 103 slots, 100 before"),
    ]);
  });

  test("is required", () => {
    expect(moduleErrors({ rows: rows(1) }, { modules: {} })).toEqual([expect.stringContaining("no budget")]);
  });
});
