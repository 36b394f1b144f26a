import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Random } from "../../virtual/world/random.js";
import { type BrokerUnderTest, onAedes } from "../e2e/brokers.js";
import { ChipBench, type Lab, PATIENCE_MS } from "./chip-bench.js";

/** Maximum time from the pilot's change to the open pin, ms: the guard's, without the opening time of a contactor. */
const OPENING_MS = 50;
const STALL_MS = 500;
const MOMENTS = Number(process.env.PLUGPASS_MOMENTS ?? 10);
const SEED = Number(process.env.PLUGPASS_SEED ?? 1);
/** Time that one moment may take, ms: the stall, the minimum off time, and a slow emulator. */
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

    test(
      `opens the contactor within ${OPENING_MS} ms while the engine is stopped, at ${MOMENTS} moments of seed ${SEED}`,
      async () => {
        const { station } = chip;
        const random = new Random(SEED);
        broker = await onAedes({ registry: chip.registry });
        await chip.start();
        await chip.pairOnline(broker.platform.port);
        await chip.charge();
        for (let i = 0; i < MOMENTS; i++) {
          station.mark();
          station.bench(`stall ${STALL_MS} ${random.int(STALL_MS - 2 * OPENING_MS)} B`);
          const line = await station.waitFor(/bench: stalled for/);
          const openedMs = Number(/opened after (-?\d+) ms/.exec(line)?.[1]);
          expect(openedMs).toBeGreaterThanOrEqual(0);
          expect(openedMs).toBeLessThanOrEqual(OPENING_MS);
          await station.waitFor("bench: contactor open");
          station.mark();
          station.bench("pilot C");
          await station.waitFor("bench: contactor closed");
        }
      },
      PATIENCE_MS + MOMENTS * MOMENT_MS,
    );
  });
}
