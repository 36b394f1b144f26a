import { describe, expect, test } from "@jest/globals";
import { formOf, LOGIN, loginOf, PAIRING, Scene } from "../../virtual/scene.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { KEYED } from "../../virtual/world/signer.js";
import { FlashFaults } from "./flash-faults.js";

const MINUTE_MS = 60_000;

/** Makes the firmware crash `afterMs` after each start. */
function crashing(scene: Scene, afterMs: number): void {
  scene.under.onStarted = (board) => {
    board.clock.set(() => {
      throw new Error("the meter's answer has no unit");
    }, afterMs);
  };
}

function isAdvertised(scene: Scene): boolean {
  let isSeen = false;
  const scan = scene.phone.scan(() => {
    isSeen = true;
  });
  scene.clock.advance(5000);
  scan.close();
  return isSeen;
}

describe("a crashing firmware", () => {
  test("restarts and reports the count and the reason", () => {
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

  test("enters safe mode after three crashes within two minutes: pairing mode with everything else off", () => {
    const scene = new Scene();
    crashing(scene, 20_000);
    scene.under.boot();
    scene.clock.advance(MINUTE_MS + 1000);
    expect(scene.under.ends).toHaveLength(3);
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "rescue", restarts: { count: 3 } });
    expect(scene.device.vehicle.isCharging).toBe(false);
    expect(isAdvertised(scene)).toBe(false);
    scene.clock.advance(10 * MINUTE_MS);
    expect(scene.under.ends).toHaveLength(3);
  });

  test("does not enter safe mode when it runs for minutes between the crashes", () => {
    const scene = new Scene();
    crashing(scene, 3 * MINUTE_MS);
    scene.under.boot();
    scene.clock.advance(20 * MINUTE_MS);
    expect(scene.under.ends.length).toBeGreaterThan(5);
    expect(scene.under.station).toBeDefined();
  });
});

test("a flash whose reads fail does not crash the station: it starts without its records", () => {
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

/** Brings a station into safe mode by three crashes at boot. */
function rescued(scene = new Scene()): Scene {
  crashing(scene, 100);
  scene.under.powerCycle();
  scene.clock.advance(2000);
  expect(scene.under.station).toBeUndefined();
  expect(scene.status()).toMatchObject({ mode: "pairing", state: "rescue" });
  return scene;
}

describe("safe mode", () => {
  test("accepts new parameters and restarts the station with them", () => {
    const scene = rescued();
    scene.under.onStarted = undefined;
    scene.pair();
    scene.clock.advance(MINUTE_MS);
    expect(scene.station.lifeCycle).toBe("online");
  });

  test("keeps the previous parameters when the new ones fail", () => {
    const scene = rescued();
    scene.pair({ token: "not-the-token" });
    scene.clock.advance(MINUTE_MS);
    expect(scene.status()).toMatchObject({ state: "rescue", lastFailure: { code: "broker-refused" } });
  });

  test("restarts the station after half an hour", () => {
    const scene = rescued();
    scene.under.onStarted = undefined;
    scene.clock.advance(31 * MINUTE_MS);
    expect(scene.under.station).toBeDefined();
  });

  test("is entered again after a single further crash", () => {
    const scene = rescued();
    scene.clock.advance(31 * MINUTE_MS);
    expect(scene.under.station).toBeUndefined();
    expect(scene.under.ends.map(({ type }) => type)).toEqual(["crash", "crash", "crash", "restart", "crash"]);
  });

  test("ends after a power cycle", () => {
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

  /** Checks that the parameters were neither tried nor stored, and that the station restarts with its own. */
  function expectUntouched(scene: Scene): void {
    scene.clock.advance(MINUTE_MS);
    expect(scene.status()).toMatchObject({ state: "rescue", trying: false, lastFailure: null });
    scene.under.onStarted = undefined;
    scene.clock.advance(31 * MINUTE_MS);
    scene.until("it is online", () => scene.station.lifeCycle === "online");
    expect(scene.retained("$state")).toBe("ready");
  }

  test("answers /pair without a login with 401 and keeps its parameters", () => {
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
    // That of the previous owner, which stays, and that of the new owner.
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

  test("erases the parameters when the button is held for 15 s, so that the owner needs no password", () => {
    const scene = paired();
    scene.under.onStarted = undefined;
    const ends = scene.under.ends.length;
    scene.device.button.press();
    scene.until("it restarts", () => scene.under.ends.length > ends, 16_000);
    scene.device.button.release();
    scene.clock.advance(1000);
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "unpaired" });
    expect(scene.pair()).toMatchObject({ status: 200 });
  });

  test("installs an unsigned firmware without an update key after a press of the button", () => {
    const scene = paired();
    scene.under.onStarted = undefined;
    scene.device.button.press();
    scene.clock.advance(300);
    scene.device.button.release();
    scene.clock.advance(200);
    const body = makeImage({ version: 2 });
    expect(scene.ask("POST", "/firmware/upload", { body, headers: LOGIN }).status).toBe(200);
    expect(scene.device.slots.next).not.toBe(scene.device.slots.running);
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
