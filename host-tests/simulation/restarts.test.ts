import { describe, expect, test } from "@jest/globals";
import { FlashFaults } from "./flash-faults.js";
import { Scene } from "./scene.js";

const MINUTE_MS = 60_000;

/** A firmware that crashes `afterMs` after each start, until it is mended. */
function crashing(scene: Scene, afterMs: number): void {
  scene.under.onStarted = (board) => {
    board.clock.set(() => {
      throw new Error("the meter's answer has no unit");
    }, afterMs);
  };
}

function phonesHear(scene: Scene): boolean {
  let isHeard = false;
  const scan = scene.phone.scan(() => {
    isHeard = true;
  });
  scene.clock.advance(5000);
  scan.close();
  return isHeard;
}

describe("a firmware that crashes", () => {
  test("starts again, and says how often and why", () => {
    const scene = new Scene();
    crashing(scene, 1000);
    scene.under.boot();
    scene.clock.advance(1200);
    scene.under.onStarted = undefined;
    const status = scene.status();
    expect(status.restarts).toEqual({
      count: 1,
      last: { type: "crash", reason: "the meter's answer has no unit" },
    });
    expect(scene.device.logLines).toContain(
      "station: the run before ended: crash: the meter's answer has no unit",
    );
  });

  test("three times within two minutes is a rescue: pairing mode, and everything else off", () => {
    const scene = new Scene();
    crashing(scene, 20_000);
    scene.under.boot();
    scene.clock.advance(MINUTE_MS + 1000);
    expect(scene.under.ends).toHaveLength(3);
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "rescue", restarts: { count: 3 } });
    expect(scene.device.vehicle.isCharging).toBe(false);
    expect(phonesHear(scene)).toBe(false);
    scene.clock.advance(10 * MINUTE_MS);
    expect(scene.under.ends).toHaveLength(3);
  });

  test("now and then, after minutes of work, is none", () => {
    const scene = new Scene();
    crashing(scene, 3 * MINUTE_MS);
    scene.under.boot();
    scene.clock.advance(20 * MINUTE_MS);
    expect(scene.under.ends.length).toBeGreaterThan(5);
    expect(scene.under.station).toBeDefined();
  });
});

test("a flash that reads nothing is no crash: the station is without its records", () => {
  const faults = new FlashFaults();
  const scene = new Scene({ wrapBoard: faults.wrapBoard });
  faults.fails = (action) => action === "read";
  scene.under.boot();
  scene.clock.advance(MINUTE_MS);
  expect(scene.under.ends).toEqual([]);
  expect(scene.station.lifeCycle).toBe("unpaired");
  expect(scene.device.logLines).toContain(
    'settings: the record "log7" cannot be read: the flash does not read',
  );
});

describe("a rescue", () => {
  function rescued(): Scene {
    const scene = new Scene();
    crashing(scene, 100);
    scene.under.boot();
    scene.clock.advance(2000);
    expect(scene.under.station).toBeUndefined();
    return scene;
  }

  test("takes new parameters, and the station has another try with them", () => {
    const scene = rescued();
    scene.under.onStarted = undefined;
    scene.pair();
    scene.clock.advance(MINUTE_MS);
    expect(scene.station.lifeCycle).toBe("online");
  });

  test("keeps what there was when the new parameters fail", () => {
    const scene = rescued();
    scene.pair({ token: "not-the-token" });
    scene.clock.advance(MINUTE_MS);
    expect(scene.status()).toMatchObject({ state: "rescue", lastFailure: { code: "broker-refused" } });
  });

  test("tries the station again by itself after half an hour", () => {
    const scene = rescued();
    scene.under.onStarted = undefined;
    scene.clock.advance(31 * MINUTE_MS);
    expect(scene.under.station).toBeDefined();
  });

  test("comes back after one more crash", () => {
    const scene = rescued();
    scene.clock.advance(31 * MINUTE_MS);
    expect(scene.under.station).toBeUndefined();
    expect(scene.under.ends.map(({ type }) => type)).toEqual(["crash", "crash", "crash", "restart", "crash"]);
  });

  test("ends when somebody takes the power away and gives it back", () => {
    const scene = rescued();
    scene.under.onStarted = undefined;
    scene.under.powerCycle();
    expect(scene.under.station).toBeDefined();
  });
});
