/** Runners of simulated weeks: in a Node process, or on the chip's JavaScript engine. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ROOT } from "../imports.js";
import { bundle, Engine } from "../xs/engine.js";
import type { WeekOptions, WeekOutcome } from "./week.js";

export interface Runner {
  run(options: WeekOptions): Promise<WeekOutcome>;
  close(): void;
}

/** Runs a TypeScript file of the project. */
const RUN = join(ROOT, "scripts", "run.js");
const WEEK_BUNDLE = `
  import { simulateWeek } from "./host-tests/tools/simulate/week.ts";
  globalThis.week = (options) => report(simulateWeek(options));
`;

export function startProcess(): Runner {
  const child: ChildProcess = fork(RUN, ["host-tests/tools/simulate/week-process.ts"]);
  return {
    async run(options) {
      child.send(options);
      const [outcome] = await once(child, "message");
      return outcome as WeekOutcome;
    },
    close: () => child.disconnect(),
  };
}

export async function startEngine(): Promise<Runner> {
  const engine = await Engine.start();
  await engine.evaluate(bundle(WEEK_BUNDLE));
  return {
    async run(options) {
      const { reports } = await engine.evaluate(`week(${JSON.stringify(options)})`);
      return reports[0] as WeekOutcome;
    },
    close: () => engine.close(),
  };
}

/** Runs all weeks on the given runners. Each runner takes the next week when it is free. */
export async function runWeeks(
  runners: readonly Runner[],
  weeks: readonly WeekOptions[],
  onOutcome: (outcome: WeekOutcome) => void,
): Promise<void> {
  const waiting = [...weeks];
  await Promise.all(
    runners.map(async (runner) => {
      for (let week = waiting.shift(); week; week = waiting.shift()) onOutcome(await runner.run(week));
    }),
  );
}
