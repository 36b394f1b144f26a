import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { bundle, type Engine } from "./engine.js";

const BUDGET_FILE = fileURLToPath(new URL("budget.json", import.meta.url));

/** What a step of a station's life costs on XS. */
export interface Cost {
  readonly step: string;
  /** Executed. */
  readonly bytecodes: number;
  /** Of the heap, after the step and a collection, beyond what the code itself takes; 16 bytes each on the ESP32. */
  readonly slots: number;
}

const countSchema = z.strictObject({ bytecodes: z.int(), slots: z.int() });
const budgetSchema = z.strictObject({
  /** What a step may cost at most, whatever it costs now; some steps have a goal. */
  goals: z.record(z.string(), z.int()),
  /** What each step cost when somebody last looked. */
  steps: z.record(z.string(), countSchema),
});

export type Budget = z.infer<typeof budgetSchema>;

/** In their order; the ones with a name to show are measured. */
const STEPS: readonly { readonly call: string; readonly measured?: string }[] = [
  { call: "prepare()" },
  { call: "boot()", measured: "boot" },
  { call: "pair()", measured: "pairing" },
  { call: "connect()", measured: "connect" },
  { call: "idleMinute()", measured: "idle minute" },
  { call: "arrive()" },
  { call: "authorize()", measured: "authorize" },
  { call: "leave()" },
  { call: "encodePublish()", measured: "encode PUBLISH" },
  { call: "parsePublish()", measured: "parse PUBLISH" },
];

const MANY_ATTEMPTS = 1000;
/** Tables of the engine grow once, and by whole blocks. */
const FIRST_ATTEMPTS = 20;

export function readBudget(): Budget {
  return budgetSchema.parse(JSON.parse(readFileSync(BUDGET_FILE, "utf8")));
}

/** Slots in use once everything that can be collected is. */
async function slotsInUse(engine: Engine): Promise<number> {
  await engine.evaluate("gc()");
  return (await engine.evaluate("gc()")).slots;
}

export async function measureCosts(engine: Engine): Promise<Cost[]> {
  await engine.evaluate(bundle('import "./host-tests/tools/xs/steps.ts";'));
  const codeSlots = await slotsInUse(engine);
  const costs: Cost[] = [];
  for (const { call, measured } of STEPS) {
    const { bytecodes } = await engine.evaluate(`steps.${call}`);
    if (measured !== undefined) {
      costs.push({ step: measured, bytecodes, slots: (await slotsInUse(engine)) - codeSlots });
    }
  }
  return costs;
}

/** By how many slots the heap grows over many authorizations. Follows `measureCosts`. */
export async function measureGrowth(engine: Engine): Promise<number> {
  await engine.evaluate(`steps.authorizeMany(${FIRST_ATTEMPTS})`);
  const before = await slotsInUse(engine);
  await engine.evaluate(`steps.authorizeMany(${MANY_ATTEMPTS})`);
  return (await slotsInUse(engine)) - before;
}

const TOLERANCE = 1.05;

/** What is wrong with a cost: one sentence each, none when it is within its budget. */
export function costErrors({ step, bytecodes, slots }: Cost, budget: Budget): string[] {
  const planned = budget.steps[step];
  if (!planned) return [`${step} has no budget; add it to host-tests/tools/xs/budget.json`];
  const errors: string[] = [];
  const goal = budget.goals[step];
  if (goal !== undefined && bytecodes > goal)
    errors.push(`${step}: ${bytecodes} bytecodes, over the goal of ${goal}`);
  for (const [what, is, was] of [
    ["bytecodes", bytecodes, planned.bytecodes],
    ["slots", slots, planned.slots],
  ] as const) {
    if (is > was * TOLERANCE) {
      errors.push(
        `${step}: ${is} ${what}, ${was} before; if that is meant, change host-tests/tools/xs/budget.json with it`,
      );
    }
  }
  return errors;
}
