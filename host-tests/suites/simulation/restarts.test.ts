import { describe, expect, test } from "@jest/globals";
import { formOf, LOGIN, loginOf, PAIRING, Scene } from "../../virtual/scene.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { KEYED } from "../../virtual/world/signer.js";
import { FlashFaults } from "./flash-faults.js";

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
      "station: the previous run ended: crash: the meter's answer has no unit",
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

/** Crashes three times as it starts. */
function rescued(scene = new Scene()): Scene {
  crashing(scene, 100);
  scene.under.powerCycle();
  scene.clock.advance(2000);
  expect(scene.under.station).toBeUndefined();
  expect(scene.status()).toMatchObject({ mode: "pairing", state: "rescue" });
  return scene;
}

describe("a rescue", () => {
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

describe("the safe mode of a paired station", () => {
  const OTHER = { ...PAIRING, wsp: "stranger@elsewhere.example" };

  function paired(): Scene {
    const scene = new Scene();
    scene.bringOnline();
    return rescued(scene);
  }

  const pair = (scene: Scene, fields: Record<string, string>, headers: Record<string, string>) => [
    scene.ask("POST", "/pair", { body: formOf(fields), headers }),
    scene.ask("GET", `/pair?${formOf(fields)}`, { headers }),
  ];

  /** Neither tried nor kept: the station is its owner's at the next start. */
  function expectUntouched(scene: Scene): void {
    scene.clock.advance(MINUTE_MS);
    expect(scene.status()).toMatchObject({ state: "rescue", trying: false, lastFailure: null });
    scene.under.onStarted = undefined;
    scene.clock.advance(31 * MINUTE_MS);
    scene.until("it is online", () => scene.station.lifeCycle === "online");
    expect(scene.retained("$state")).toBe("ready");
  }

  test("answers a stranger's /pair with 401 and keeps its parameters", () => {
    const scene = paired();
    for (const answer of pair(scene, OTHER, {})) expect(answer.status).toBe(401);
    expectUntouched(scene);
  });

  test("answers /pair with a wrong login with 401 and keeps its parameters", () => {
    const scene = paired();
    const [answer] = pair(scene, OTHER, loginOf("guessed wrong"));
    expect(answer?.status).toBe(401);
    expectUntouched(scene);
  });

  test.each(["POST", "GET"])("accepts new parameters by %s /pair with the login", (method) => {
    const scene = paired();
    scene.under.onStarted = undefined;
    const fields = formOf({ ...PAIRING, wsp: "next@owner.example" });
    const outcome =
      method === "POST"
        ? scene.ask("POST", "/pair", { body: fields, headers: LOGIN })
        : scene.ask("GET", `/pair?${fields}`, { headers: LOGIN });
    expect(outcome.status).toBe(200);
    scene.clock.advance(MINUTE_MS);
    expect(scene.station.lifeCycle).toBe("online");
    const states = [...scene.broker.retained.keys()].filter((topic) =>
      topic.endsWith(`${scene.under.deviceId}/$state`),
    );
    // The previous owner's, which stays, and the new owner's.
    expect(states).toHaveLength(2);
  });

  test("answers a firmware upload without the login with 401 before it writes", () => {
    const scene = new Scene();
    scene.under.config = KEYED;
    scene.bringOnline();
    rescued(scene);
    const before = scene.device.slots.operationCount;
    const body = makeImage({ version: 2 });
    expect(scene.ask("POST", "/firmware/upload", { body }).status).toBe(401);
    expect(scene.device.slots.operationCount).toBe(before);
    const answer = scene.ask("POST", "/firmware/upload", { body, headers: LOGIN });
    expect(answer).toMatchObject({ status: 400, body: expect.stringContaining("not signed") });
    expect(scene.device.slots.next).toBe(scene.device.slots.running);
  });

  test("protects a station whose parameters are all provisioned", () => {
    const scene = rescued(new Scene({ provisioning: { preset: PAIRING } }));
    for (const answer of pair(scene, OTHER, {})) expect(answer.status).toBe(401);
  });

  test("is open again after a factory reset", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.station.resetToProvisioned();
    scene.clock.advance(5000);
    rescued(scene);
    expect(scene.ask("POST", "/pair", { body: formOf(PAIRING) }).status).toBe(200);
  });
});
