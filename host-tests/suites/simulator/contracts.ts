/** Runs the contract suites against the SDK's own parts in the Moddable simulator, which no other host has. */

import * as jest from "@jest/globals";
import RNG from "rng";
import { makeHTTPServer } from "../../../firmware/boards/http-server/index.js";
import { ModdableClock } from "../../../firmware/boards/moddable/clock.js";
import { ModdableCrypto } from "../../../firmware/boards/moddable/crypto.js";
import { makeResolve } from "../../../firmware/boards/moddable/resolve.js";
import { makeSockets } from "../../../firmware/boards/moddable/sockets.js";
import type { Board, Clock } from "../../../modules/board/index.js";
import { makeOuterClock } from "../../tools/simulator/clock.js";
import { Device, type FirmwareRun } from "../../virtual/board/index.js";
import { World } from "../../virtual/world/world.js";
import { describeCryptoContract } from "../contracts/crypto.js";
import type { Harness, HarnessOptions } from "../contracts/harness.js";
import { describeHTTPContract } from "../contracts/http.js";
import { describeTCPContract } from "../contracts/tcp.js";
import { describeTimerContract } from "../contracts/timers.js";

/** The manifest maps `@jest/globals` to the small Jest. */
const { runTests } = jest as unknown as typeof import("../../tools/xs/jest.js");

const LIMIT_MS = 5000;
const POLL_MS = 5;

export default function main(): void {
  const { clock } = makeOuterClock();
  const crypto = new ModdableCrypto((byteLength) => RNG.get(byteLength));
  const makeHarness = (options?: HarnessOptions) => harnessOn(clock, options);
  describeCryptoContract("Moddable", crypto);
  describeTimerContract("Moddable", makeHarness);
  describeTCPContract("Moddable", makeHarness);
  describeHTTPContract("Moddable", makeHarness);
  runTests().then((outcomes) => {
    const failed = outcomes.filter(({ error }) => error !== undefined);
    for (const { name, error } of failed) trace(`FAIL ${name}\n${error}\n`);
    trace(`${outcomes.length - failed.length} passed, ${failed.length} failed\n`);
  });
}

async function harnessOn(clock: Clock, options: HarnessOptions = {}): Promise<Harness> {
  const device = new Device(new World(clock, { intervalMs: POLL_MS }), {
    replace: (firmware) => parts(firmware, options),
    onEnd: (end) => {
      if (end.type === "crash") throw end.error;
    },
  });
  let made: Board | undefined;
  device.boot((board) => {
    made = board;
  });
  const pass = (durationMs: number) => new Promise<void>((done) => clock.set(done, durationMs));
  return {
    board: made as unknown as Board,
    ownAddress: "127.0.0.1",
    pass,
    until: async (what, condition) => {
      const startedMs = clock.monotonicMs();
      while (!condition()) {
        if (clock.monotonicMs() - startedMs > LIMIT_MS) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
        await pass(POLL_MS);
      }
    },
    dispose: async () => device.cutPower(),
  };
}

function parts(firmware: FirmwareRun, options: HarnessOptions) {
  const clock = new ModdableClock(firmware);
  const sockets = makeSockets({ ...options, clock, guard: firmware });
  return {
    clock,
    io: { ...sockets, HTTPServer: makeHTTPServer({ ...sockets, clock, guard: firmware }) },
    resolve: makeResolve(clock, firmware),
  };
}
