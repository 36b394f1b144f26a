/** Command `npm run xs`: runs the firmware on the chip's engine. */

import { Command } from "commander";
import { fail } from "../../../platform-stub/command-line.js";
import { canCompileChip, HOW_TO_GET_CHIP } from "./chip/compile.js";
import {
  Chip,
  type ChipCost,
  type ChipLimits,
  chipLimits,
  growthErrors,
  percentOf,
  spaceErrors,
} from "./chip/measure.js";
import {
  type Census,
  type Cost,
  costErrors,
  measureCensus,
  measureCosts,
  measureGrowth,
  moduleErrors,
  readBudget,
  slotsByModule,
} from "./costs.js";
import { Engine, HOW_TO_GET_XS, isXSInstalled } from "./engine.js";
import { GROWTH_NOISE_SLOTS } from "./limits.js";
import { portableTests, runSuite } from "./suites.js";

new Command("npm run xs --")
  .description("Runs the firmware's tests on the XS engine, and measures the cost of steps")
  .argument("[files...]", "run only test files whose name contains one of these, and measure no costs")
  .option("--json", "print only the costs, as one JSON object", false)
  .option("--chip", "print only the memory of steps on an engine with each chip's limits", false)
  .showHelpAfterError()
  .action(run)
  .parseAsync()
  .catch(fail);

async function run(files: string[], { json, chip }: { json: boolean; chip: boolean }): Promise<void> {
  if (chip) return await runChip(json);
  if (!isXSInstalled()) throw new Error(HOW_TO_GET_XS);
  const engine = await Engine.start();
  try {
    if (!json) await runTests(engine, files);
    if (files.length === 0) await runCosts(engine, json);
  } finally {
    engine.close();
  }
}

async function runTests(engine: Engine, wanted: string[]): Promise<void> {
  const files = portableTests().filter(
    (file) => wanted.length === 0 || wanted.some((one) => file.includes(one)),
  );
  if (files.length === 0)
    throw new Error(`no test file that runs without Node has ${wanted.join(" or ")} in its name`);
  for (const file of files) {
    const outcomes = await runSuite(engine, file);
    const failed = outcomes.filter(({ error }) => error !== undefined);
    print(`${failed.length === 0 ? "PASS" : "FAIL"} ${file} (${outcomes.length} tests)`);
    for (const { name, error } of failed) print(`  ${name}\n    ${error}`);
    if (failed.length > 0) process.exitCode = 1;
  }
}

async function runCosts(engine: Engine, json: boolean): Promise<void> {
  const budget = readBudget();
  const costs = await measureCosts(engine);
  const growthSlots = await measureGrowth(engine);
  const census = await censusOf();
  if (json) print(JSON.stringify({ costs, growthSlots, census }));
  else {
    printCosts(costs, growthSlots);
    printCensus(census);
  }
  const errors = [...costs.flatMap((cost) => costErrors(cost, budget)), ...moduleErrors(census, budget)];
  if (Math.abs(growthSlots) > GROWTH_NOISE_SLOTS)
    errors.push(`1,000 authorizations keep ${growthSlots} slots`);
  if (errors.length > 0) throw new Error(errors.join("\n"));
}

function printCosts(costs: readonly Cost[], growthSlots: number): void {
  print(`\n${"step".padEnd(16)}${"bytecodes".padStart(10)}${"slots in use".padStart(14)}`);
  for (const { step, bytecodes, slots } of costs) {
    print(`${step.padEnd(16)}${String(bytecodes).padStart(10)}${String(slots).padStart(14)}`);
  }
  print(`heap growth over 1,000 authorizations: ${growthSlots} slots`);
}

/** Measures the memory of steps in slots of 16 bytes, and runs them with each chip's pool. */
async function runChip(json: boolean): Promise<void> {
  if (!canCompileChip()) throw new Error(HOW_TO_GET_CHIP);
  const budget = readBudget();
  const { boardBytes } = budget.chip;
  const chip = await Chip.prepare();
  const chips = chipLimits().map((limits) => {
    const costs = chip.measure(limits);
    return { limits, costs, failure: chip.failure(limits, boardBytes) };
  });
  if (json) print(JSON.stringify({ boardBytes, chips }));
  const errors: string[] = [];
  for (const { limits, costs, failure } of chips) {
    if (!json) printChip(limits, costs, boardBytes);
    if (failure) errors.push(`${limits.name}: ${failure.step}: ${failure.reason}`);
    errors.push(...spaceErrors(costs, limits, budget));
  }
  errors.push(...growthErrors(chips[0]?.costs ?? [], budget));
  if (errors.length > 0) throw new Error(errors.join("\n"));
}

function printChip(
  { name, poolBytes, stackSlots }: ChipLimits,
  costs: readonly ChipCost[],
  boardBytes: number,
): void {
  print(
    `\n${name}: pool of ${poolBytes} bytes, stack of ${stackSlots} slots, ${boardBytes} bytes for the chip's board`,
  );
  printRow("step", ["stack", "slots", "chunks", "needed", "free", "held"]);
  for (const { step, peakSlots, peakChunkBytes, stackSlots: stack, neededBytes, heldBytes } of costs) {
    const free = `${percentOf(poolBytes - boardBytes - neededBytes, poolBytes)} %`;
    printRow(step, [stack, peakSlots, peakChunkBytes, neededBytes, free, heldBytes]);
  }
}

function printRow(name: string, columns: readonly (string | number)[]): void {
  print(`${name.padEnd(16)}${columns.map((column) => String(column).padStart(9)).join("")}`);
}

async function censusOf(): Promise<Census> {
  const engine = await Engine.start();
  try {
    return await measureCensus(engine);
  } finally {
    engine.close();
  }
}

/** Classes with fewer slots than this are only counted in their module. */
const LISTED_SLOTS = 10;

function printCensus({ rows, otherSlots }: Census): void {
  print("\nlive slots of an online station by module");
  for (const [module, slots] of slotsByModule({ rows })) printSlots(slots, module);
  printSlots(otherSlots, "closures of the code, and the engine");
  print("\nby class");
  for (const { class: name, file, instances, slots } of rows) {
    const count = instances > 1 ? `${instances} ` : "";
    if (slots >= LISTED_SLOTS) printSlots(slots, `${count}${name} (${file})`);
  }
}

function printSlots(slots: number, what: string): void {
  print(`${String(slots).padStart(6)}  ${what}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
