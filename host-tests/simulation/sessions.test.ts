import { describe, expect, test } from "@jest/globals";
import { parseJSONObject } from "../../modules/json/index.js";
import { usernameOf } from "../../platform-stub/registry.js";
import { codeOf, Scene } from "./scene.js";

const EPOCH_MS = 1_795_248_000_000;

function online(): Scene {
  const scene = new Scene();
  scene.bringOnline();
  return scene;
}

function start(scene: Scene): void {
  scene.plug();
  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  scene.clock.advance(100);
}

/** 60 Wh a minute. */
function charge(scene: Scene, minutes: number): void {
  for (let i = 0; i < 6 * minutes; i++) {
    scene.clock.advance(10_000);
    scene.device.meter.pulse(10);
  }
  scene.clock.advance(1);
}

function sessions(scene: Scene): Record<string, unknown>[] {
  return [...scene.platform.sessions.values()];
}

function stored(scene: Scene, key: string) {
  const bytes = scene.device.flash.get("plugpass", key);
  return bytes && parseJSONObject(bytes);
}

describe("a session", () => {
  test("is reported with its energy, its card and why it ended", () => {
    const scene = online();
    scene.clock.setEpochMs(EPOCH_MS);
    start(scene);
    charge(scene, 5);
    scene.device.vehicle.unplug();
    scene.clock.advance(2000);
    const [session] = sessions(scene);
    expect(session).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      connector: 1,
      tag: usernameOf("GUEST-0001"),
      tagEnd: "0001",
      method: "ble",
      startWh: 0,
      endWh: 300,
      why: "unplugged",
      seconds: 300,
    });
    expect(Number(session?.end) - Number(session?.start)).toBe(300);
    expect(Number(session?.start)).toBeGreaterThanOrEqual(EPOCH_MS / 1000);
    expect(stored(scene, "log0")).toBeUndefined();
    expect(stored(scene, "session")).toEqual({ v: 1, meterWh: 300, givenUp: 0 });
  });

  test("goes on counting where the one before ended", () => {
    const scene = online();
    start(scene);
    charge(scene, 1);
    scene.device.vehicle.unplug();
    scene.clock.advance(60_000);
    start(scene);
    charge(scene, 1);
    scene.station.stopCharging();
    scene.clock.advance(2000);
    expect(sessions(scene)).toMatchObject([
      { startWh: 0, endWh: 60, why: "unplugged" },
      { startWh: 60, endWh: 120, why: "stopped" },
    ]);
  });

  test("that ended before the time was known gets it later, still from the storage", () => {
    const scene = online();
    scene.platform.intercept = (answer, { endpoint }) => (endpoint === "session" ? [] : [answer]);
    start(scene);
    charge(scene, 2);
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    expect(stored(scene, "log0")).not.toHaveProperty("start");
    scene.clock.advance(600_000);
    scene.clock.setEpochMs(EPOCH_MS);
    scene.clock.advance(60_000);
    expect(stored(scene, "log0")).toMatchObject({ seconds: 120 });
    const { start: startS, end: endS } = stored(scene, "log0") as { start: number; end: number };
    expect(endS - startS).toBe(120);
    expect(endS).toBeGreaterThanOrEqual(EPOCH_MS / 1000 - 607);
    expect(endS).toBeLessThanOrEqual(EPOCH_MS / 1000 - 603);
  });

  test("that nobody could date is reported without a date", () => {
    const scene = online();
    start(scene);
    charge(scene, 1);
    scene.device.vehicle.unplug();
    scene.clock.advance(2000);
    expect(sessions(scene)).toMatchObject([{ start: null, end: null, seconds: 60 }]);
  });
});

describe("a power cut", () => {
  test("ends the session with what was known: at most 100 Wh less, at most a minute", () => {
    const scene = online();
    start(scene);
    charge(scene, 5);
    scene.device.meter.pulse(70);
    scene.clock.advance(1);
    scene.under.powerCycle();
    scene.clock.advance(2000);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
    scene.until("it is reported", () => sessions(scene).length === 1, 200_000);
    expect(sessions(scene)).toMatchObject([{ startWh: 0, why: "interrupted" }]);
    expect(Number(sessions(scene)[0]?.endWh)).toBeGreaterThan(370 - 100);
    expect(Number(sessions(scene)[0]?.seconds)).toBeGreaterThanOrEqual(300 - 60);
  });

  test.each(["before", "after"] as const)("at any write of a session leaves exactly one, %s it", (comes) => {
    for (let count = 1; count <= 9; count++) {
      const scene = online();
      scene.device.flash.cutPowerAtWrite(count, comes);
      scene.plug();
      scene.startPresenting("GUEST-0001");
      scene.clock.advance(5000);
      charge(scene, 3);
      scene.device.vehicle.unplug();
      scene.clock.advance(5000);
      if (!scene.device.isRunning) scene.under.boot();
      scene.until("online", () => scene.station.lifeCycle === "online", 300_000);
      scene.clock.advance(120_000);
      expect(sessions(scene).length).toBeLessThanOrEqual(1);
      // Cut before the session's first write nothing is known of it.
      if (count > 1 || comes === "after") expect(sessions(scene)).toHaveLength(1);
      expect(stored(scene, "log0")).toBeUndefined();
      expect(stored(scene, "session")?.session).toBeUndefined();
    }
  });
});

describe("the log", () => {
  test("keeps sessions while the platform is away, and reports all of them when it is back", () => {
    const scene = online();
    scene.platform.intercept = (answer, { endpoint }) => (endpoint === "session" ? [] : [answer]);
    for (let i = 0; i < 3; i++) {
      start(scene);
      charge(scene, 1);
      scene.device.vehicle.unplug();
      scene.clock.advance(60_000);
    }
    // The platform has heard of them and its answers were lost: they are repeated, and are the same.
    scene.platform.intercept = undefined;
    scene.under.powerCycle();
    scene.clock.advance(300_000);
    expect(sessions(scene)).toMatchObject([{ endWh: 60 }, { endWh: 120 }, { endWh: 180 }]);
    for (let slot = 0; slot < 3; slot++) expect(stored(scene, `log${slot}`)).toBeUndefined();
  });

  test("gives the oldest up when 64 wait, and counts it", () => {
    const scene = online();
    scene.platform.intercept = (answer, { endpoint }) => (endpoint === "session" ? [] : [answer]);
    for (let i = 0; i < 66; i++) {
      start(scene);
      scene.device.meter.pulse(1);
      scene.clock.advance(1000);
      scene.device.vehicle.unplug();
      scene.clock.advance(15_000);
    }
    expect(stored(scene, "session")).toMatchObject({ givenUp: 2 });
    expect(scene.device.logLines.join("\n")).toContain("1 given up, the log is full; 2 altogether");
    scene.platform.sessions.clear();
    scene.platform.intercept = undefined;
    scene.until("all are reported", () => scene.platform.sessions.size === 64, 300_000);
    const wh = sessions(scene).map(({ endWh }) => Number(endWh));
    expect(wh.sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i + 3));
  });

  test("is not held up by a session that the platform refuses", () => {
    const scene = online();
    let refused: unknown;
    scene.platform.intercept = (answer, request) => {
      if (request.endpoint !== "session") return [answer];
      refused ??= request.data.id;
      if (request.data.id !== refused) return [answer];
      return [scene.platform.respond(request, { message: "no" }, "0", "400")];
    };
    for (let i = 0; i < 3; i++) {
      start(scene);
      scene.device.vehicle.unplug();
      scene.clock.advance(20_000);
    }
    scene.clock.advance(200_000);
    expect(["log0", "log1", "log2"].filter((key) => stored(scene, key))).toHaveLength(1);
  });
});
