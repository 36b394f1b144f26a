import { setTimeout as sleep } from "node:timers/promises";
import type { Board } from "../../../modules/board/index.js";
import { waitFor } from "../../tools/cli/wait.js";
import { Device } from "../../virtual/board/index.js";
import { NodeClock, type NodeSocketOptions, nodeParts } from "../../virtual/node-board/index.js";
import { World } from "../../virtual/world/world.js";
import type { RadioHarness } from "../contracts/gatt.js";
import type { HarnessOptions } from "../contracts/harness.js";

const LIMIT_MS = 5000;

/** Builds the board on Node's clock, sockets, HTTP server and cryptography for the contract suites. */
export async function nodeHarness(
  options: HarnessOptions & Pick<NodeSocketOptions, "ca" | "clientCertificate"> = {},
): Promise<RadioHarness> {
  const clock = new NodeClock();
  const world = new World(clock, { intervalMs: 5 });
  const device = new Device(world, {
    replace: (firmware) => nodeParts(firmware, options),
    onEnd: (end) => {
      if (end.type === "crash") throw end.error;
    },
  });
  let made: Board | undefined;
  device.boot((board) => {
    made = board;
  });
  return {
    board: made as unknown as Board,
    central: world.air,
    ownAddress: "127.0.0.1",
    until: async (what, condition) => {
      await waitFor(what, condition, LIMIT_MS);
    },
    pass: (durationMs) => sleep(durationMs),
    dispose: async () => {
      device.cutPower();
      clock.dispose();
    },
  };
}
