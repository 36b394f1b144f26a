import type { Board } from "../../modules/board/index.js";
import type { RadioHarness } from "../contracts/gatt.js";
import type { HarnessOptions } from "../contracts/harness.js";
import { virtualWorld } from "../world/world.js";
import { Device } from "./device.js";

const LIMIT_MS = 5000;

/** The virtual board, for the contract suites. */
export async function virtualHarness(options: HarnessOptions = {}): Promise<RadioHarness> {
  const { clock, air, ...world } = virtualWorld({ segmentBytes: 536 });
  const device = new Device(
    { clock, air, ...world },
    {
      maxSockets: options.maxSockets,
      onEnd: (end) => {
        if (end.type === "crash") throw end.error;
      },
    },
  );
  let made: Board | undefined;
  device.boot((board) => {
    made = board;
  });
  return {
    board: made as unknown as Board,
    central: air,
    ownAddress: "127.0.0.1",
    until: async (what, condition) => {
      if (!clock.runUntil(condition, LIMIT_MS)) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    },
    pass: async (durationMs) => clock.advance(durationMs),
    dispose: async () => device.cutPower(),
  };
}
