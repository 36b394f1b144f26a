import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Random } from "../../virtual/world/random.js";
import { type BrokerUnderTest, onAedes } from "../e2e/brokers.js";
import { ChipBench, type Lab, PATIENCE_MS } from "./chip-bench.js";

/** Maximum time from the pilot's change to the open pin, ms: the guard's, without the opening time of a contactor. */
const OPENING_MS = 50;
/** Age of the lease at which the guard opens the contactor, and the engine's interval of renewing it, ms. */
const LEASE_MS = 3000;
const RENEWAL_MS = 500;
/** The emulator's timer loses the time by which its interrupts are late. The chip's does not. */
const LATE_TIMER = 1.05;
const STOP_MS = 250;
const MOMENTS = Number(process.env.PLUGPASS_MOMENTS ?? 10);
const SEED = Number(process.env.PLUGPASS_SEED ?? 1);
/** Time that one moment may take, ms: the stopped engine, the minimum off time, and a slow emulator. */
const MOMENT_MS = 20_000;

export function describeGuard(lab: Lab): void {
  describe("the guard of an emulated chip", () => {
    let chip: ChipBench;
    let broker: BrokerUnderTest | undefined;

    beforeEach(() => {
      chip = new ChipBench(lab, { hasOwnTime: true });
      chip.newBoard();
    });

    afterEach(async () => {
      await chip.close();
      await broker?.close();
      broker = undefined;
    });

    /** Stops the engine, and returns the time from the vehicle's change to the opening of the contactor, ms. */
    async function openedAfterMs(
      command: "stall" | "halt",
      durationMs: number,
      delayMs: number,
      state: string,
    ): Promise<number> {
      const { station } = chip;
      station.mark();
      station.bench(`${command} ${durationMs} ${delayMs} ${state}`);
      const line = await station.waitFor(`bench: ${command} of`);
      await station.waitFor("bench: contactor open");
      return Number(/opened after (-?\d+) ms/.exec(line)?.[1]);
    }

    async function charge(): Promise<void> {
      broker = await onAedes({ registry: chip.registry });
      await chip.start();
      await chip.pairOnline(broker.platform.port);
      await chip.charge();
    }

    test(
      `opens the contactor within ${OPENING_MS} ms while the engine computes or is halted, at ${MOMENTS} moments of seed ${SEED}`,
      async () => {
        const { station } = chip;
        const random = new Random(SEED);
        await charge();
        for (let i = 0; i < MOMENTS; i++) {
          const command = random.pick(["stall", "halt"] as const);
          const openedMs = await openedAfterMs(command, STOP_MS, random.int(STOP_MS - 2 * OPENING_MS), "B");
          expect(openedMs).toBeGreaterThanOrEqual(0);
          expect(openedMs).toBeLessThanOrEqual(OPENING_MS);
          station.mark();
          station.bench("pilot C");
          await station.waitFor("bench: contactor closed");
        }
      },
      PATIENCE_MS + MOMENTS * MOMENT_MS,
    );

    test(
      "opens the contactor when a halted engine has not renewed its lease",
      async () => {
        await charge();
        const openedMs = await openedAfterMs("halt", LEASE_MS + 2 * RENEWAL_MS, 0, "C");
        expect(openedMs).toBeGreaterThanOrEqual(LEASE_MS - RENEWAL_MS - OPENING_MS);
        expect(openedMs).toBeLessThanOrEqual(LATE_TIMER * LEASE_MS + OPENING_MS);
        await chip.station.waitFor("bench: contactor closed");
      },
      PATIENCE_MS,
    );
  });
}
