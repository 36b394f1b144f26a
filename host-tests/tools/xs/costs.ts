import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type CensusRow, takeCensus } from "./census.js";
import { bundle, type Engine } from "./engine.js";

const BUDGET_FILE = fileURLToPath(new URL("budget.json", import.meta.url));

/** Cost of one step of the station on XS. */
export interface Cost {
  readonly step: string;
  /** Number of executed bytecodes. */
  readonly bytecodes: number;
  /**
   * Heap slots in use after the step and a collection, without the code's own. A slot has 16 bytes on the
   * ESP32.
   */
  readonly slots: number;
}

const countSchema = z.strictObject({ bytecodes: z.int(), slots: z.int() });
const budgetSchema = z.strictObject({
  /** Fixed upper limits of bytecodes for some steps, independent of the last measurement. */
  goals: z.record(z.string(), z.int()),
  /** Cost of each step at the last measurement. */
  steps: z.record(z.string(), countSchema),
  /** Live slots of an online station by module. */
  modules: z.record(z.string(), z.int()),
  chip: z.strictObject({
    /**
     * Part of the pool for the chip's board and the SDK's objects, beyond what the test board takes, bytes. Measured on the
     * emulated chip (docs/verification.md).
     */
    boardBytes: z.int(),
    /** Pool that each step needed at the last measurement, without the chip's board, bytes. */
    neededBytes: z.record(z.string(), z.int()),
  }),
});

export type Budget = z.infer<typeof budgetSchema>;

/** A function of `steps.ts`. */
interface Step {
  readonly call: string;
  /** Function in place of it for the memory of the chip. */
  readonly onChip?: string;
  /** Whether only the memory of the chip is measured. */
  readonly isOnlyOnChip?: true;
  readonly name: string;
  /** Whether its bytecodes and slots have a budget. */
  readonly isMeasured?: true;
}

/** Steps in order. */
export const STEPS: readonly Step[] = [
  { call: "prepare", name: "test board" },
  { call: "boot", onChip: "bootUpdatable", name: "boot", isMeasured: true },
  { call: "pair", name: "pairing", isMeasured: true },
  { call: "connect", name: "connect", isMeasured: true },
  { call: "idleMinute", name: "idle minute", isMeasured: true },
  { call: "arrive", name: "arrival" },
  { call: "authorize", name: "authorize", isMeasured: true },
  { call: "leave", name: "departure" },
  { call: "encodePublish", name: "encode PUBLISH", isMeasured: true },
  { call: "parsePublish", name: "parse PUBLISH", isMeasured: true },
  { call: "upload", name: "upload", isOnlyOnChip: true },
  { call: "crowd", name: "upload, phones", isOnlyOnChip: true },
];

const ENTRY = 'import "./host-tests/tools/xs/steps.ts";';
/** The step after which the live slots are counted by class: the station is online. */
const CENSUS_STEP = "connect";
/** Variables of `steps.ts` that hold the station and its surroundings. */
const COUNTED_VARIABLES = {
  measuredStation: "firmware/station.ts",
  measuredBoard: "host-tests/tools/xs/quiet-board.ts",
};

/** The live slots of an online station. */
export interface Census {
  readonly rows: readonly CensusRow[];
  /** Measured slots that no row has: closures of the code, and tables of the engine. */
  readonly otherSlots: number;
}

const MANY_ATTEMPTS = 1000;
/** Number of authorizations before growth is measured: the engine's tables grow once, by whole blocks. */
const FIRST_ATTEMPTS = 20;

export function readBudget(): Budget {
  return budgetSchema.parse(JSON.parse(readFileSync(BUDGET_FILE, "utf8")));
}

/** Number of heap slots in use after a collection. */
async function slotsInUse(engine: Engine): Promise<number> {
  await engine.evaluate("gc()");
  return (await engine.evaluate("gc()")).slots;
}

export async function measureCosts(engine: Engine): Promise<Cost[]> {
  await engine.evaluate(bundle(ENTRY));
  const codeSlots = await slotsInUse(engine);
  const costs: Cost[] = [];
  for (const { call, name, isMeasured, isOnlyOnChip } of STEPS) {
    if (isOnlyOnChip) continue;
    const { bytecodes } = await engine.evaluate(`steps.${call}()`);
    if (isMeasured) costs.push({ step: name, bytecodes, slots: (await slotsInUse(engine)) - codeSlots });
  }
  return costs;
}

/** Counts the live slots of an online station by class. It needs an engine of its own. */
export async function measureCensus(engine: Engine): Promise<Census> {
  const script = bundle(ENTRY);
  await engine.evaluate(script);
  const codeSlots = await slotsInUse(engine);
  const last = STEPS.findIndex(({ name }) => name === CENSUS_STEP);
  for (const { call } of STEPS.slice(0, last + 1)) await engine.evaluate(`steps.${call}()`);
  const slots = (await slotsInUse(engine)) - codeSlots;
  const snapshot = await engine.snapshot();
  const rows = takeCensus({ snapshot, script, variables: COUNTED_VARIABLES });
  return { rows, otherSlots: slots - rows.reduce((sum, row) => sum + row.slots, 0) };
}

/** Live slots of the station by module, the largest first, without the test's surroundings. */
export function slotsByModule({ rows }: Pick<Census, "rows">): [string, number][] {
  const modules = new Map<string, number>();
  for (const { file, slots } of rows) {
    const module = posix.dirname(file);
    if (!module.startsWith("host-tests/")) modules.set(module, (modules.get(module) ?? 0) + slots);
  }
  return [...modules].sort((a, b) => b[1] - a[1]);
}

/** Number of heap slots that many authorizations add. Call it after `measureCosts`. */
export async function measureGrowth(engine: Engine): Promise<number> {
  await engine.evaluate(`steps.authorizeMany(${FIRST_ATTEMPTS})`);
  const before = await slotsInUse(engine);
  await engine.evaluate(`steps.authorizeMany(${MANY_ATTEMPTS})`);
  return (await slotsInUse(engine)) - before;
}

/** Growth of a cost without a change of the budget. */
export const TOLERANCE = 1.02;

/** Errors for a cost that exceeds its budget, one sentence each. */
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

/** Errors for modules that hold more slots than their budget, one sentence each. */
export function moduleErrors(census: Pick<Census, "rows">, { modules }: Pick<Budget, "modules">): string[] {
  return slotsByModule(census)
    .filter(([module, slots]) => slots > (modules[module] ?? 0) * TOLERANCE)
    .map(([module, slots]) => {
      const planned = modules[module] ?? "no budget";
      return `${module}: ${slots} slots, ${planned} before; if that is meant, change host-tests/tools/xs/budget.json with it`;
    });
}
