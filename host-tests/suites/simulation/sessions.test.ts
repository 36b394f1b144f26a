import { describe, expect, test } from "@jest/globals";
import { parseJSONObject } from "../../../modules/json/index.js";
import { usernameOf } from "../../../platform-stub/accounts.js";
import { codeOf, Scene } from "../../virtual/scene.js";
import { FlashFaults } from "./flash-faults.js";

const EPOCH_MS = 1_795_248_000_000;

function online(options: Record<string, unknown> = {}, faults?: FlashFaults): Scene {
  const scene = new Scene({ wrapBoard: faults?.wrapBoard });
  scene.setOptions(options);
  scene.bringOnline();
  return scene;
}

function start(scene: Scene): void {
  scene.plug();
  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  scene.clock.advance(100);
}

/** Lets the meter count 60 Wh a minute. */
function charge(scene: Scene, minutes: number): void {
  for (let i = 0; i < 6 * minutes; i++) {
    scene.clock.advance(10_000);
    scene.device.meter.pulse(10);
  }
  scene.clock.advance(1);
}

/** Charges for one minute, unplugs, and waits for `restMs`. More openings in a row would make the contactor wait. */
function chargeOnce(scene: Scene, restMs = 60_000): void {
  start(scene);
  charge(scene, 1);
  scene.device.vehicle.unplug();
  scene.clock.advance(restMs);
}

/** Drops the platform's responses to session reports. */
function loseAnswers(scene: Scene): void {
  scene.platform.intercept = (answer, { endpoint }) => (endpoint === "session" ? [] : [answer]);
}

function bootOnline(scene: Scene): void {
  if (!scene.device.isRunning) scene.under.boot();
  scene.until("online", () => scene.station.lifeCycle === "online", 300_000);
}

function sessions(scene: Scene): Record<string, unknown>[] {
  return [...scene.platform.sessions.values()];
}

function stored(scene: Scene, key: string) {
  const bytes = scene.device.flash.get("plugpass", key);
  return bytes && parseJSONObject(bytes);
}

/** Returns the number of sessions in the flash. */
function storedCount(scene: Scene): number {
  return Array.from({ length: 64 }, (_, slot) => stored(scene, `log${slot}`)).filter(Boolean).length;
}

describe("a charging session", () => {
  test("is reported with its energy, its card and its stop reason", () => {
    const scene = online();
    scene.clock.setEpochMs(EPOCH_MS);
    start(scene);
    charge(scene, 5);
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
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

  test("continues the meter of the previous session", () => {
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

  test("that ended before the time was known is dated later in the storage", () => {
    const scene = online();
    loseAnswers(scene);
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

  test.each([0, 20, 40])(
    "is dated before it is reported when the time becomes known %d s after its end",
    (afterS) => {
      const scene = online();
      start(scene);
      scene.broker.stop();
      scene.clock.advance(1000);
      scene.device.vehicle.unplug();
      scene.clock.advance(afterS * 1000);
      scene.clock.setEpochMs(EPOCH_MS);
      scene.broker.start();
      scene.until("it is reported", () => sessions(scene).length === 1, 300_000);
      expect(Number(sessions(scene)[0]?.end)).toBeGreaterThanOrEqual(EPOCH_MS / 1000 - afterS - 1);
    },
  );

  test("does not end before its start when the clock is set back", () => {
    const scene = online();
    scene.clock.setEpochMs(EPOCH_MS);
    start(scene);
    charge(scene, 1);
    scene.clock.setEpochMs(EPOCH_MS - 3_600_000);
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    const [session] = sessions(scene);
    expect(session).toMatchObject({ end: session?.start, seconds: 60 });
  });

  test("is reported without dates while the time is unknown", () => {
    const scene = online();
    start(scene);
    charge(scene, 1);
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    expect(sessions(scene)).toMatchObject([{ start: null, end: null, seconds: 60 }]);
  });
});

describe("a power cut", () => {
  test("ends the session as interrupted and loses at most 100 Wh and one minute", () => {
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

  test("loses at most 100 Wh of pulses that arrive at once", () => {
    const scene = online();
    start(scene);
    scene.device.meter.pulse(299);
    scene.clock.advance(1);
    scene.under.powerCycle();
    scene.until("it is reported", () => sessions(scene).length === 1, 200_000);
    expect(Number(sessions(scene)[0]?.endWh)).toBeGreaterThanOrEqual(299 - 100);
  });

  test("between the writes of the log and of the session record ends the session, and the meter continues", () => {
    const scene = online({ resumes: true });
    start(scene);
    charge(scene, 1);
    scene.device.meter.pulse(70);
    scene.clock.advance(1);
    scene.device.flash.cutPowerAtWrite(1, "after");
    scene.set("charger/stop", "true");
    scene.clock.advance(1000);
    expect(stored(scene, "log0")).toMatchObject({ endWh: 130 });
    expect(stored(scene, "session")).toMatchObject({ meterWh: 50, session: { startWh: 0 } });
    bootOnline(scene);
    scene.clock.advance(5000);
    expect(scene.station.status).toBe("plugged");
    expect(sessions(scene)).toMatchObject([{ endWh: 130, why: "stopped" }]);
    scene.device.vehicle.unplug();
    scene.clock.advance(15_000);
    chargeOnce(scene);
    expect(sessions(scene)[1]).toMatchObject({ startWh: 130, endWh: 190 });
  });

  test("leaves the session without a start when the time was unknown, even if it is known later", () => {
    const scene = online();
    start(scene);
    charge(scene, 1);
    scene.under.powerCycle();
    loseAnswers(scene);
    scene.clock.advance(2000);
    scene.clock.setEpochMs(EPOCH_MS);
    scene.clock.advance(120_000);
    expect(stored(scene, "log0")).toMatchObject({ why: "interrupted" });
    expect(stored(scene, "log0")).not.toHaveProperty("start");
  });

  test("before another vehicle's session leaves two sessions", () => {
    const scene = online({ isFree: true });
    scene.plug();
    charge(scene, 1);
    scene.clock.advance(60_000);
    scene.under.powerCycle();
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    charge(scene, 1);
    scene.device.vehicle.unplug();
    scene.until("both are reported", () => sessions(scene).length === 2, 200_000);
    expect(sessions(scene)).toMatchObject([
      { startWh: 0, endWh: 60, why: "interrupted" },
      { startWh: 60, endWh: 120, why: "unplugged" },
    ]);
  });

  test.each(["before", "after"] as const)(
    "at any write of a session (%s it) leaves exactly one session",
    (comes) => {
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
        // A cut before the first write leaves no session.
        if (count > 1 || comes === "after") expect(sessions(scene)).toHaveLength(1);
        expect(stored(scene, "log0")).toBeUndefined();
        expect(stored(scene, "session")?.session).toBeUndefined();
      }
    },
  );
});

describe("a resumed session", () => {
  /** Charges 120 Wh in three minutes on a station that knows the time, and cuts the power for a time. */
  function cut(offMs: number, options: { knowsTime: boolean } = { knowsTime: true }): Scene {
    const scene = online({ resumes: true });
    if (options.knowsTime) scene.clock.setEpochMs(EPOCH_MS);
    start(scene);
    charge(scene, 2);
    scene.clock.advance(60_000);
    scene.device.cutPower();
    scene.clock.advance(offMs);
    return scene;
  }

  function resumed(): Scene {
    const scene = cut(60_000);
    scene.under.boot();
    scene.until("it charges again", () => scene.device.vehicle.isCharging);
    return scene;
  }

  test("has its start, and its duration without the cut", () => {
    const scene = resumed();
    loseAnswers(scene);
    charge(scene, 2);
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    const session = stored(scene, "log0");
    expect(session).toMatchObject({ startWh: 0, endWh: 240, why: "unplugged" });
    expect(Number(session?.seconds)).toBeGreaterThanOrEqual(240);
    expect(Number(session?.seconds)).toBeLessThanOrEqual(303);
    expect(Number(session?.end) - Number(session?.start)).toBeGreaterThanOrEqual(360);
  });

  test("waits for the time, also if the clock has run for an hour", () => {
    const scene = online({ resumes: true });
    scene.clock.advance(3_600_000);
    scene.clock.setEpochMs(EPOCH_MS);
    start(scene);
    charge(scene, 2);
    scene.clock.advance(60_000);
    scene.device.cutPower();
    const cutMs = scene.clock.epochMs() ?? 0;
    scene.clock.setEpochMs(undefined);
    scene.under.boot();
    scene.clock.advance(60_000);
    expect(scene.station.status).toBe("plugged");
    scene.clock.setEpochMs(cutMs + 60_000);
    scene.until("it charges again", () => scene.device.vehicle.isCharging);
    scene.device.vehicle.unplug();
    scene.until("it is reported", () => sessions(scene).length === 1, 200_000);
    expect(sessions(scene)).toMatchObject([{ startWh: 0, why: "unplugged" }]);
  });

  test("is reported once", () => {
    const scene = resumed();
    scene.device.vehicle.unplug();
    scene.clock.advance(60_000);
    bootOnline(scene);
    chargeOnce(scene);
    scene.clock.advance(60_000);
    expect(sessions(scene)).toHaveLength(2);
    expect(scene.platform.requests.filter(({ endpoint }) => endpoint === "session")).toHaveLength(2);
  });

  test("whose vehicle no longer requests energy ends when the vehicle leaves", () => {
    const scene = cut(1000);
    scene.device.vehicle.plug({ requestsEnergyWhenOffered: false });
    bootOnline(scene);
    scene.clock.advance(1000);
    expect(scene.station.status).toBe("authorized");
    expect(sessions(scene)).toEqual([]);
    // These pulses belong to no session.
    scene.device.meter.pulse(3);
    scene.device.vehicle.unplug();
    scene.clock.advance(2000);
    expect(sessions(scene)).toMatchObject([{ endWh: 120, why: "interrupted" }]);
  });

  test.each<[string, number, boolean]>([
    ["was off for 11 minutes", 11 * 60_000, true],
    ["did not know the time before the cut", 1000, false],
  ])("does not exist on a station that %s: the session ends as interrupted", (_name, offMs, knowsTime) => {
    const scene = cut(offMs, { knowsTime });
    bootOnline(scene);
    if (!knowsTime) scene.clock.setEpochMs(EPOCH_MS);
    scene.clock.advance(20_000);
    expect(scene.station.status).toBe("plugged");
    expect(sessions(scene)).toMatchObject([{ endWh: 120, why: "interrupted" }]);
  });

  test("waits for the time after the cut, while its vehicle stays plugged in", () => {
    const scene = cut(60_000);
    scene.clock.setEpochMs(undefined);
    scene.under.boot();
    scene.clock.advance(120_000);
    expect([scene.station.status, sessions(scene)]).toEqual(["plugged", []]);
    scene.clock.setEpochMs(EPOCH_MS + 5 * 60_000);
    scene.until("it charges again", () => scene.device.vehicle.isCharging);
  });

  test("waits for the time for ten minutes at most", () => {
    const scene = cut(1000);
    scene.clock.setEpochMs(undefined);
    bootOnline(scene);
    scene.clock.advance(11 * 60_000);
    expect(sessions(scene)).toMatchObject([{ why: "interrupted" }]);
    scene.clock.setEpochMs(EPOCH_MS + 60_000);
    scene.clock.advance(60_000);
    expect(scene.station.status).toBe("plugged");
  });

  test.each<[string, (scene: Scene) => void]>([
    ["a vehicle leaves", (scene) => scene.device.vehicle.unplug()],
    ["another card is presented", (scene) => void scene.present("GUEST-0001")],
  ])("waits for the time no longer after %s", (_name, happens) => {
    const scene = cut(1000);
    scene.clock.setEpochMs(undefined);
    bootOnline(scene);
    happens(scene);
    scene.clock.advance(5000);
    expect(sessions(scene)).toMatchObject([{ why: "interrupted" }]);
  });

  test("does not exist when the clock was set back before its latest record", () => {
    const scene = cut(1000);
    scene.clock.setEpochMs(EPOCH_MS - 60_000);
    bootOnline(scene);
    scene.clock.advance(20_000);
    expect(sessions(scene)).toMatchObject([{ why: "interrupted" }]);
  });
});

describe("a failing flash", () => {
  test("loses no session when it fails for a moment", () => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    loseAnswers(scene);
    for (let i = 0; i < 3; i++) chargeOnce(scene);
    start(scene);
    faults.fails = (action) => action === "write";
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    expect(storedCount(scene)).toBe(3);
    faults.fails = () => false;
    scene.clock.advance(60_000);
    expect(storedCount(scene)).toBe(4);
    expect(stored(scene, "session")).toMatchObject({ givenUp: 0 });
    expect(stored(scene, "session")).not.toHaveProperty("session");
  });

  test("with every operation failing prevents neither charging nor the report of sessions", () => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    faults.fails = () => true;
    for (let i = 0; i < 3; i++) chargeOnce(scene);
    expect(sessions(scene)).toMatchObject([{ endWh: 60 }, { endWh: 120 }, { endWh: 180 }]);
    scene.clock.advance(60_000);
    expect(scene.retained("$telemetry/waiting")).toBe("0");
    expect(scene.under.ends).toEqual([]);
    const logged = scene.device.logLines.filter((line) =>
      line.includes("the session under way is not written"),
    );
    expect(logged).toHaveLength(1);
  });

  test("keeps 8 sessions in memory and discards the oldest for the next one", () => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    loseAnswers(scene);
    chargeOnce(scene);
    faults.fails = (action) => action === "write";
    for (let i = 0; i < 10; i++) chargeOnce(scene);
    faults.fails = () => false;
    scene.clock.advance(60_000);
    expect(storedCount(scene)).toBe(9);
    expect(stored(scene, "session")).toMatchObject({ givenUp: 2 });
    scene.platform.sessions.clear();
    scene.platform.intercept = undefined;
    scene.until("all are reported", () => sessions(scene).length === 9, 600_000);
    const wh = sessions(scene).map(({ endWh }) => Number(endWh));
    expect(wh.sort((a, b) => a - b)).toEqual([60, 240, 300, 360, 420, 480, 540, 600, 660]);
  });

  test("at the end of the session record does not resume the session after the platform has accepted it", () => {
    const faults = new FlashFaults();
    const scene = online({ resumes: true }, faults);
    start(scene);
    charge(scene, 1);
    faults.fails = (action, key) => action === "write" && key === "session";
    scene.station.stopCharging();
    scene.clock.advance(120_000);
    expect(sessions(scene)).toHaveLength(1);
    faults.fails = () => false;
    scene.under.powerCycle();
    bootOnline(scene);
    scene.clock.advance(5000);
    expect(scene.station.status).toBe("plugged");
    expect(storedCount(scene)).toBe(0);
    expect(stored(scene, "session")).not.toHaveProperty("session");
  });

  test("at the log leaves the session in memory, which is written before the next session replaces it in the record", () => {
    const flash = new FlashFaults();
    const scene = new Scene({ wrapBoard: flash.wrapBoard });
    scene.bringOnline();
    scene.platform.intercept = (answer, { endpoint }) => (endpoint === "session" ? [] : [answer]);
    const begin = () => {
      scene.plug();
      expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
      scene.until("current flows", () => scene.device.vehicle.isCharging);
      scene.clock.advance(100);
    };
    begin();
    flash.fails = (action, key) => action === "write" && key.startsWith("log");
    scene.device.vehicle.unplug();
    scene.clock.advance(3000);
    flash.fails = () => false;
    begin();
    scene.under.powerCycle();
    scene.platform.intercept = undefined;
    scene.device.vehicle.unplug();
    scene.until("both are reported", () => sessions(scene).length === 2, 300_000);
  });

  test("at the log leaves the session record to the next run", () => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    loseAnswers(scene);
    start(scene);
    charge(scene, 1);
    scene.clock.advance(60_000);
    faults.fails = (action, key) => action === "write" && key.startsWith("log");
    scene.device.vehicle.unplug();
    scene.clock.advance(120_000);
    scene.platform.intercept = undefined;
    scene.platform.sessions.clear();
    faults.fails = () => false;
    scene.under.powerCycle();
    scene.until("it is reported", () => sessions(scene).length === 1, 200_000);
    expect(sessions(scene)).toMatchObject([{ endWh: 60, why: "interrupted" }]);
  });

  test("at the log clears the session record once the platform has accepted the session", () => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    faults.fails = (action, key) => action === "write" && key.startsWith("log");
    chargeOnce(scene);
    expect(sessions(scene)).toHaveLength(1);
    expect(stored(scene, "session")).toEqual({ v: 1, meterWh: 60, givenUp: 0 });
  });

  test.each(["end", "dating"])("at the %s of a session does not prevent it from being dated", (moment) => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    const fail = () => {
      faults.fails = (action, key) => action === "write" && key.startsWith("log");
    };
    loseAnswers(scene);
    if (moment === "end") fail();
    chargeOnce(scene, 15_000);
    if (moment === "dating") fail();
    scene.clock.setEpochMs(EPOCH_MS);
    scene.clock.advance(120_000);
    faults.fails = () => false;
    scene.clock.advance(60_000);
    const { start: startS, end: endS } = stored(scene, "log0") as { start: number; end: number };
    expect(endS - startS).toBe(60);
    expect(endS).toBeGreaterThanOrEqual(EPOCH_MS / 1000 - 16);
    expect(endS).toBeLessThanOrEqual(EPOCH_MS / 1000 - 14);
  });
});

describe("the session log", () => {
  test("keeps sessions while the platform is unreachable and reports all of them afterwards", () => {
    const scene = online();
    loseAnswers(scene);
    for (let i = 0; i < 3; i++) {
      start(scene);
      charge(scene, 1);
      scene.device.vehicle.unplug();
      scene.clock.advance(60_000);
    }
    // The platform has received them, but its responses were lost: the same sessions are sent again.
    scene.platform.intercept = undefined;
    scene.under.powerCycle();
    scene.clock.advance(300_000);
    expect(sessions(scene)).toMatchObject([{ endWh: 60 }, { endWh: 120 }, { endWh: 180 }]);
    for (let slot = 0; slot < 3; slot++) expect(stored(scene, `log${slot}`)).toBeUndefined();
  });

  test("discards the oldest of 64 waiting sessions for the next one and counts it", () => {
    const scene = online();
    loseAnswers(scene);
    for (let i = 0; i < 66; i++) {
      start(scene);
      scene.device.meter.pulse(1);
      scene.clock.advance(1000);
      scene.device.vehicle.unplug();
      scene.clock.advance(120_000);
    }
    expect(stored(scene, "session")).toMatchObject({ givenUp: 2 });
    expect(scene.device.logLines.join("\n")).toContain(
      "session-log-full: the oldest unreported session was discarded; 2 in total",
    );
    scene.platform.sessions.clear();
    scene.platform.intercept = undefined;
    scene.until("all are reported", () => scene.platform.sessions.size === 64, 300_000);
    const wh = sessions(scene).map(({ endWh }) => Number(endWh));
    expect(wh.sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i + 3));
    scene.under.powerCycle();
    bootOnline(scene);
    scene.clock.advance(20_000);
    expect(scene.retained("$telemetry/given-up")).toBe("2");
  });

  test("does not apply the end of a discarded undated session to the session in its slot", () => {
    const scene = online();
    loseAnswers(scene);
    for (let i = 0; i < 64; i++) chargeOnce(scene);
    start(scene);
    charge(scene, 1);
    scene.clock.setEpochMs(EPOCH_MS);
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    expect(stored(scene, "log0")).toMatchObject({ startWh: 64 * 60, end: EPOCH_MS / 1000 });
    expect(stored(scene, "log1")?.end).toBeLessThan(EPOCH_MS / 1000 - 60);
  });

  test.each([
    [1, "before"],
    [1, "after"],
    [2, "before"],
    [2, "after"],
  ] as const)(
    "counts the discarded session once when the power is cut at write %d of the 65th, %s it",
    (count, comes) => {
      const scene = online();
      loseAnswers(scene);
      for (let i = 0; i < 64; i++) chargeOnce(scene);
      start(scene);
      charge(scene, 1);
      scene.device.flash.cutPowerAtWrite(count, comes);
      scene.device.vehicle.unplug();
      scene.clock.advance(4000);
      expect(scene.device.isRunning).toBe(false);
      bootOnline(scene);
      scene.clock.advance(20_000);
      expect(scene.retained("$telemetry/given-up")).toBe("1");
      expect(stored(scene, "session")).toMatchObject({ givenUp: 1 });
      expect(storedCount(scene)).toBe(64);
      expect(stored(scene, "log0")).toMatchObject({ startWh: 64 * 60 });
    },
  );

  test("is not blocked by a session that the platform rejects", () => {
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
