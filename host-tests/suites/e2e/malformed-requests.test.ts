/**
 * Runs all malformed requests of host-tests/suites/simulation/malformed-requests.test.ts, measures the memory, and
 * repeats a part on real sockets.
 */

import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualStation } from "../../tools/cli/virtual-station.js";
import { waitFor } from "../../tools/cli/wait.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { LOGIN } from "../../virtual/scene.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import {
  type BadRequest,
  makeBadRequest,
  makeUnfinishedRequest,
} from "../../virtual/world/malformed-requests.js";
import { FUZZ_RUNS, Random } from "../../virtual/world/random.js";
import { KEYED } from "../../virtual/world/signer.js";
import { World } from "../../virtual/world/world.js";
import { Flood } from "../simulation/malformed-flood.js";

/** Fewer requests would show what is allocated once, and not a leak. */
const REQUESTS = Math.max(10_000, FUZZ_RUNS);

const PATIENCE_MS = 120_000;
const QUIET_MS = 30 * 60_000;
/** Limit of the heap growth, which the engine itself causes. A leaked request takes 300 bytes or more. */
const GROWTH_BYTES_PER_REQUEST = 100;

/** Measures the heap after every network timer has expired. */
function heapBytes({ scene }: Flood): number {
  scene.clock.advance(QUIET_MS);
  scene.device.logLines.length = 0;
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage().heapUsed;
}

test(
  `${REQUESTS} malformed requests and a crowd leak no memory`,
  () => {
    const flood = new Flood(5);
    flood.crowd();
    flood.send(REQUESTS / 2);
    const before = heapBytes(flood);
    flood.send(REQUESTS / 2);
    flood.crowd();
    const growth = heapBytes(flood) - before;
    expect(growth / (REQUESTS / 2)).toBeLessThan(GROWTH_BYTES_PER_REQUEST);
  },
  PATIENCE_MS,
);

describe("the HTTP server on real sockets", () => {
  const ends: string[] = [];
  let clock: NodeClock;
  let station: VirtualStation;

  beforeEach(async () => {
    clock = new NodeClock();
    station = new VirtualStation({
      world: new World(clock, { seed: 1 }),
      config: KEYED,
      httpPort: 0,
      provisioning: { adminPassword: "correct horse" },
      onEnd: (end) => ends.push(end.type === "crash" ? String(end.error) : end.type),
    });
    station.boot();
    await waitFor("the HTTP API listens", () => station.httpPort > 0);
  });

  afterEach(() => {
    station.device.cutPower();
    clock.dispose();
    expect(ends.splice(0)).toEqual(["power-cut"]);
  });

  /** Sends the pieces and resolves when the connection is closed. */
  function play({ pieces }: Pick<BadRequest, "pieces">): Promise<void> {
    return new Promise((done) => {
      const socket = connect(station.httpPort, "127.0.0.1");
      socket.on("error", () => {});
      socket.on("close", () => done());
      socket.on("data", () => {});
      socket.on("connect", () => {
        for (const { bytes } of pieces) socket.write(bytes);
        socket.end();
      });
    });
  }

  async function isServed(): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${station.httpPort}/healthcheck`);
    expect(await answer.text()).toBe("OK");
  }

  test(
    "survives 1,000 malformed requests and serves the next valid one",
    async () => {
      const random = new Random(7);
      const ingredients = { login: LOGIN.authorization, image: makeImage({ version: 1 }) };
      for (let batch = 0; batch < 250; batch++) {
        await Promise.all(Array.from({ length: 4 }, () => play(makeBadRequest(random, ingredients))));
        if (batch % 25 === 0) await isServed();
      }
    },
    PATIENCE_MS,
  );

  test(
    "serves the next valid request after 100 concurrent incomplete requests",
    async () => {
      const random = new Random(8);
      const sockets = Array.from({ length: 100 }, () => {
        const socket = connect(station.httpPort, "127.0.0.1");
        socket.on("error", () => {});
        socket.on("connect", () => socket.write(makeUnfinishedRequest(random)));
        return socket;
      });
      await waitFor("all have tried", () => sockets.every(({ connecting }) => !connecting));
      for (const socket of sockets) socket.destroy();
      await isServed();
    },
    PATIENCE_MS,
  );
});
