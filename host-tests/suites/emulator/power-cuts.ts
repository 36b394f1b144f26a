import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Random } from "../../virtual/world/random.js";
import { type BrokerUnderTest, onAedes } from "../e2e/brokers.js";
import { ChipBench, type Lab, PATIENCE_MS } from "./chip-bench.js";

const CUTS = Number(process.env.PLUGPASS_CUTS ?? 50);
const SEED = Number(process.env.PLUGPASS_SEED ?? 13);
/** Longest run between two cuts, ms. A start takes 1 s, and a session 2 s. */
const MAX_RUN_MS = 7000;
/** Share of the runs that end during the start, %. */
const EARLY_PERCENT = 30;
const MAX_EARLY_MS = 1500;
const MAX_CHARGING_MS = 1500;
const SESSION = /charging: session (\w+) of tag/;

export function describePowerCuts(lab: Lab): void {
  describe("power cuts", () => {
    let chip: ChipBench;
    let broker: BrokerUnderTest;
    let random: Random;

    beforeEach(async () => {
      chip = new ChipBench(lab);
      chip.newBoard();
      broker = await onAedes({ registry: chip.registry });
      random = new Random(SEED);
    });

    afterEach(async () => {
      await chip.close();
      await broker.close();
    });

    /** Charges again and again until the power is cut. */
    async function chargeUntilTheCut(): Promise<void> {
      await chip.online();
      for (;;) {
        await chip.charge();
        await sleep(random.int(MAX_CHARGING_MS));
        await chip.unplug();
      }
    }

    /** Runs the station and cuts its power at a random moment. */
    async function runAndCut(): Promise<void> {
      const isEarly = random.int(100) < EARLY_PERCENT;
      const runMs = random.int(isEarly ? MAX_EARLY_MS : MAX_RUN_MS);
      await chip.station.start();
      let failure: Error | undefined;
      const charging = chargeUntilTheCut().catch((error: Error) => {
        failure = error;
      });
      await sleep(runMs);
      expect(failure).toBeUndefined();
      await chip.station.cutPower();
      await charging;
    }

    test(
      `at ${CUTS} random moments lose neither the pairing nor a session (PLUGPASS_SEED=${SEED})`,
      async () => {
        const { station } = chip;
        await chip.start();
        await chip.pairOnline(broker.platform.port);
        await station.cutPower();
        const started = new Set<string>();
        for (let cut = 0; cut < CUTS; cut++) {
          station.clearLog();
          await runAndCut();
          expect(station.logLines.join("\n")).not.toMatch(/unpaired|safe mode|ended: crash/);
          for (const line of station.logLines) {
            const id = SESSION.exec(line)?.[1];
            if (id !== undefined) started.add(id);
          }
        }
        await station.start();
        await chip.online();
        const reported = () => chip.registry.sessions({ limit: 1000 }).map(({ id }) => id);
        await station.until("the platform has each session", () => {
          const ids = new Set(reported());
          return [...started].every((id) => ids.has(id));
        });
        expect(reported()).toHaveLength(new Set(reported()).size);
        process.stderr.write(
          `${CUTS} power cuts: ${started.size} sessions started, ${reported().length} reported\n`,
        );
      },
      CUTS * 20_000 + PATIENCE_MS,
    );
  });
}
