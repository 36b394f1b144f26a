/** Runs the firmware on an engine with the limits of each chip (host-tests/tools/xs/chip). */

import { beforeAll, describe, expect, test } from "@jest/globals";
import { canCompileChip, HOW_TO_GET_CHIP } from "../../tools/xs/chip/compile.js";
import {
  Chip,
  type ChipCost,
  type ChipLimits,
  chipLimits,
  growthErrors,
  spaceErrors,
} from "../../tools/xs/chip/measure.js";
import { type Budget, readBudget } from "../../tools/xs/costs.js";
import { skipFor } from "../optional.js";

/** Time limit, ms: the engine is compiled once, on a slow machine. */
const PATIENCE_MS = 300_000;

const limits: ChipLimits = {
  name: "chip",
  poolBytes: 100_000,
  stackSlots: 768,
  chunkBytes: { initial: 1536, incremental: 512 },
  heapSlots: { initial: 512, incremental: 64 },
};

describe("chipLimits()", () => {
  test("reads the pool, stack and growth of a chip from its manifest, and joins manifests with the same", () => {
    const all = chipLimits();
    expect(all.map(({ name }) => name).join(", ")).toContain("esp32, esp32-signed");
    for (const one of all) expect(one).toEqual({ ...limits, name: one.name, poolBytes: one.poolBytes });
  });
});

describe("the pool of a chip", () => {
  const budget: Budget = {
    goals: {},
    steps: {},
    modules: {},
    chip: { boardBytes: 10_000, neededBytes: { step: 60_000 } },
  };

  function cost(neededBytes: number): ChipCost[] {
    return [{ step: "step", peakSlots: 0, peakChunkBytes: 0, stackSlots: 0, heldBytes: 0, neededBytes }];
  }

  test("has a fifth free at the deepest point of a step, beside the chip's board", () => {
    expect(spaceErrors(cost(70_000), limits, budget)).toEqual([]);
    expect(spaceErrors(cost(70_001), limits, budget)).toEqual([expect.stringContaining("step: 20.0 % of")]);
  });

  test("may be used by 2 % more than at the last measurement", () => {
    expect(growthErrors(cost(61_200), budget)).toEqual([]);
    expect(growthErrors(cost(61_201), budget)).toEqual([expect.stringContaining("60000 before")]);
  });

  test("has a budget for each step", () => {
    expect(growthErrors([{ ...cost(1)[0], step: "new" } as ChipCost], budget)).toHaveLength(1);
  });
});

if (!canCompileChip()) skipFor(HOW_TO_GET_CHIP);
else {
  describe("XS with a chip's limits", () => {
    const budget = readBudget();
    let chip: Chip;

    beforeAll(async () => {
      chip = await Chip.prepare();
    }, PATIENCE_MS);

    test.each(chipLimits())("runs each step on $name, with a fifth of the pool free", (one) => {
      const costs = chip.measure(one);
      expect(costs.map(({ step }) => step)).toEqual(Object.keys(budget.chip.neededBytes));
      expect(chip.failure(one, budget.chip.boardBytes)).toBeUndefined();
      expect(spaceErrors(costs, one, budget)).toEqual([]);
      expect(growthErrors(costs, budget)).toEqual([]);
    });

    test("reports the step at which the pool is exhausted, and what was requested", () => {
      expect(chip.failure({ ...limits, poolBytes: 46_000 }, 0)).toEqual({
        step: "pairing",
        reason: expect.stringMatching(/^memory full: no \d+ bytes for (slots|chunk), \d+ are left; /),
      });
    });

    test("reports the step at which the stack is exhausted", () => {
      const failure = chip.failure({ ...limits, stackSlots: 200 }, 0);
      expect(failure).toEqual({ step: "boot", reason: expect.stringMatching(/^stack overflow: /) });
    });
  });
}
