/** Command `npm run simulate`: simulates weeks of a café. */

import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { fail, print } from "../../../platform-stub/command-line.js";
import { HOW_TO_GET_XS, isXSInstalled } from "../xs/engine.js";
import { CANARIES, type Canary } from "./canaries.js";
import { neverHappened } from "./coverage.js";
import { runWeeks, startEngine, startProcess } from "./runners.js";
import type { WeekOptions, WeekOutcome } from "./week.js";

interface Flags {
  readonly seeds: number;
  readonly from: number;
  readonly seed?: number;
  readonly days: number;
  readonly canary?: Canary;
  readonly jobs: number;
  readonly xs: boolean;
}

new Command("npm run simulate --")
  .description(
    "Simulates weeks of a café in virtual time, each from a seed, and checks invariants from outside",
  )
  .option("--seeds <n>", "number of weeks", count, 20)
  .option("--from <seed>", "first seed", count, 1)
  .option("--seed <seed>", "simulate only this seed, and print its last events", count)
  .option("--days <n>", "days of each week", count, 7)
  .addOption(
    new Option("--canary <bug>", "build in a deliberate bug, which has to be detected").choices(CANARIES),
  )
  .option("--jobs <n>", "number of weeks simulated in parallel", count, availableParallelism())
  .option("--xs", "run on the chip's engine; takes twenty times as long", false)
  .showHelpAfterError()
  .action(simulate)
  .parseAsync()
  .catch(fail);

async function simulate(flags: Flags): Promise<void> {
  const { seeds, from, seed, days, canary, jobs, xs } = flags;
  if (xs && !isXSInstalled()) throw new Error(HOW_TO_GET_XS);
  const wanted = seed === undefined ? Array.from({ length: seeds }, (_, i) => from + i) : [seed];
  const weeks: WeekOptions[] = wanted.map((one) => ({ seed: one, days, canary }));
  const starting = Array.from({ length: Math.min(jobs, weeks.length) }, async () =>
    xs ? await startEngine() : startProcess(),
  );
  const runners = await Promise.all(starting);
  const startMs = performance.now();
  const counts: Record<string, number> = {};
  let failed = 0;
  try {
    await runWeeks(runners, weeks, (outcome) => {
      for (const [what, times] of Object.entries(outcome.counts)) counts[what] = (counts[what] ?? 0) + times;
      if (outcome.violations.length === 0) return;
      failed++;
      printViolation(outcome, flags);
    });
  } finally {
    for (const runner of runners) runner.close();
  }
  for (const what of Object.keys(counts).sort()) print(`${String(counts[what]).padStart(8)}  ${what}`);
  print(
    `${weeks.length} weeks in ${Math.round((performance.now() - startMs) / 1000)} s: ${failed} with violations`,
  );
  const missing = canary === undefined ? neverHappened(counts, weeks.length) : [];
  if (missing.length > 0) throw new Error(`the run did not include: ${missing.join(", ")}`);
  if (failed > 0) process.exitCode = 1;
}

function printViolation({ seed, violations, lines }: WeekOutcome, { days, canary, xs }: Flags): void {
  const flags = [
    `--seed ${seed}`,
    ...(days === 7 ? [] : [`--days ${days}`]),
    ...(canary === undefined ? [] : [`--canary ${canary}`]),
    ...(xs ? ["--xs"] : []),
  ];
  print([...lines, "", `seed ${seed}:`, ...violations].join("\n"));
  print(`again: npm run simulate -- ${flags.join(" ")}\n`);
}

function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("give a whole number from 1");
  return Number(text);
}
