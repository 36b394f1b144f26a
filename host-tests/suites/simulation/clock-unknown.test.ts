/** The first pairing over TLS after the power has come: the chip starts without the time, which certificates need. */

import { beforeEach, describe, expect, test } from "@jest/globals";
import { FirmwareRun, makeSockets } from "../../virtual/board/index.js";
import { BROKER_NAME, OWNER, Scene } from "../../virtual/scene.js";
import { WorldBroker } from "../../virtual/world/broker.js";

const TLS_PORT = 8883;
const NOW_MS = 1_800_000_000_000;
/** Longest wait for the time (modules/wall-clock). */
const LIMIT_MS = 20_000;
const MINUTE_MS = 60_000;
const FIELDS = { mqtts_port: String(TLS_PORT) };

describe("a station with a broker over TLS", () => {
  let scene: Scene;

  beforeEach(() => {
    scene = new Scene();
    const { clock, brokerHost } = scene;
    const firmware = new FirmwareRun({ clock, onEnd: () => {} });
    new WorldBroker({
      clock,
      sockets: makeSockets(brokerHost, firmware, { maxSockets: 100 }),
      port: TLS_PORT,
      certificateName: BROKER_NAME,
      authenticate: (_username, password) => password === OWNER.token,
    });
    scene.under.boot();
    clock.advance(500);
  });

  /** Starts a time server, which answers so long after the station has an address. */
  function answerAfter(delayMs: number): void {
    const { clock, device } = scene;
    const timer = clock.repeat(() => {
      if (device.host.address === undefined) return;
      clock.clear(timer);
      clock.set(() => clock.setEpochMs(NOW_MS), delayMs);
    }, 100);
  }

  test.each([100, 5500, 19_000])(
    "pairs at its first attempt when the time server answers after %i ms",
    (delayMs) => {
      answerAfter(delayMs);
      expect(scene.pair(FIELDS)).toMatchObject({ status: 200 });
      scene.until("the station is online", () => scene.station.lifeCycle === "online", 2 * MINUTE_MS);
      expect(scene.status()).toMatchObject({ state: "online", lastFailure: null });
    },
  );

  test("fails to pair with clock-unknown when no time server answers, within its limit", () => {
    scene.pair(FIELDS);
    const joined = () => scene.device.host.address !== undefined;
    scene.until("the station has an address", joined, MINUTE_MS);
    const joinedMs = scene.clock.monotonicMs();
    scene.until("it is back in pairing", () => scene.status().lastFailure !== null, 2 * MINUTE_MS);
    expect(scene.status()).toMatchObject({
      mode: "pairing",
      state: "unpaired",
      lastFailure: { code: "clock-unknown" },
    });
    expect(scene.clock.monotonicMs() - joinedMs).toBeLessThan(LIMIT_MS + 5000);
  });

  test("reports clock-unknown while it is paired, and is online soon after the time is known", () => {
    answerAfter(0);
    scene.pair(FIELDS);
    scene.until("the station is online", () => scene.station.lifeCycle === "online", MINUTE_MS);
    scene.device.cutPower();
    scene.clock.setEpochMs(undefined);
    scene.under.boot();
    scene.clock.advance(2 * MINUTE_MS);
    expect(scene.status()).toMatchObject({ problem: { code: "clock-unknown" } });
    scene.clock.setEpochMs(NOW_MS);
    scene.until("the station is online", () => scene.station.lifeCycle === "online", 2 * MINUTE_MS);
    expect(scene.status()).toMatchObject({ problem: null });
  });
});
