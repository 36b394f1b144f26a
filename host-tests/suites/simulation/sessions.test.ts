import { describe, expect, test } from "@jest/globals";
import { parseJSONObject } from "../../../modules/json/index.js";
import { usernameOf } from "../../../platform-stub/registry.js";
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

/** 60 Wh a minute. */
function charge(scene: Scene, minutes: number): void {
  for (let i = 0; i < 6 * minutes; i++) {
    scene.clock.advance(10_000);
    scene.device.meter.pulse(10);
  }
  scene.clock.advance(1);
}

/** One of a minute. */
function chargeOnce(scene: Scene): void {
  start(scene);
  charge(scene, 1);
  scene.device.vehicle.unplug();
  scene.clock.advance(15_000);
}

/** The platform's answers to sessions get lost. */
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

/** Sessions in the flash. */
function storedCount(scene: Scene): number {
  return Array.from({ length: 64 }, (_, slot) => stored(scene, `log${slot}`)).filter(Boolean).length;
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

  test.each([0, 20, 40])("is dated before it is reported, if the time is known %d s after it", (afterS) => {
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
  });

  test("does not end before it starts when the clock is set back", () => {
    const scene = online();
    scene.clock.setEpochMs(EPOCH_MS);
    start(scene);
    charge(scene, 1);
    scene.clock.setEpochMs(EPOCH_MS - 3_600_000);
    scene.device.vehicle.unplug();
    scene.clock.advance(2000);
    const [session] = sessions(scene);
    expect(session).toMatchObject({ end: session?.start, seconds: 60 });
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

  test("loses no more than 100 Wh of those that came at once", () => {
    const scene = online();
    start(scene);
    scene.device.meter.pulse(299);
    scene.clock.advance(1);
    scene.under.powerCycle();
    scene.until("it is reported", () => sessions(scene).length === 1, 200_000);
    expect(Number(sessions(scene)[0]?.endWh)).toBeGreaterThanOrEqual(299 - 100);
  });

  test("between the log's write and the book's ends the session, and the meter goes on from there", () => {
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

  test("leaves no start where nobody knew the time, though it is known later", () => {
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

  test("before a session of another vehicle leaves two", () => {
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

describe("a session that is resumed", () => {
  /** After a power cut, by a station that does not know the time. */
  function resumed(): Scene {
    const scene = online({ resumes: true });
    loseAnswers(scene);
    start(scene);
    charge(scene, 1);
    scene.clock.advance(60_000);
    scene.under.powerCycle();
    scene.until("it charges again", () => scene.device.vehicle.isCharging);
    return scene;
  }

  test("has no start, for nobody knows how long the power was gone", () => {
    const scene = resumed();
    scene.clock.setEpochMs(EPOCH_MS);
    charge(scene, 2);
    scene.device.vehicle.unplug();
    scene.clock.advance(1000);
    expect(stored(scene, "log0")).toMatchObject({ startWh: 0, endWh: 180, seconds: 240 });
    expect(stored(scene, "log0")).not.toHaveProperty("start");
  });

  test("gets none when the time is known after its end", () => {
    const scene = resumed();
    charge(scene, 1);
    scene.device.vehicle.unplug();
    scene.clock.advance(1000);
    scene.clock.setEpochMs(EPOCH_MS);
    scene.clock.advance(120_000);
    expect(stored(scene, "log0")).toMatchObject({ endWh: 120 });
    expect(stored(scene, "log0")).not.toHaveProperty("start");
  });

  test("is over once, when it ends", () => {
    const scene = resumed();
    scene.platform.intercept = undefined;
    scene.device.vehicle.unplug();
    scene.clock.advance(60_000);
    chargeOnce(scene);
    expect(sessions(scene)).toHaveLength(2);
    expect(scene.platform.requests.filter(({ endpoint }) => endpoint === "session")).toHaveLength(2);
  });

  test("and does not draw again is over when the vehicle leaves", () => {
    const scene = online({ resumes: true });
    start(scene);
    charge(scene, 1);
    scene.clock.advance(60_000);
    scene.device.cutPower();
    scene.device.vehicle.plug({ drawsWhenOffered: false });
    bootOnline(scene);
    scene.clock.advance(1000);
    expect(scene.station.status).toBe("authorized");
    expect(sessions(scene)).toEqual([]);
    // Nobody's.
    scene.device.meter.pulse(3);
    scene.device.vehicle.unplug();
    scene.clock.advance(2000);
    expect(sessions(scene)).toMatchObject([{ endWh: 60, why: "interrupted" }]);
  });
});

describe("a flash that fails", () => {
  test("for a moment costs no session", () => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    loseAnswers(scene);
    for (let i = 0; i < 3; i++) chargeOnce(scene);
    start(scene);
    faults.fails = (action) => action === "write";
    scene.device.vehicle.unplug();
    scene.clock.advance(2000);
    expect(storedCount(scene)).toBe(3);
    faults.fails = () => false;
    scene.clock.advance(60_000);
    expect(storedCount(scene)).toBe(4);
    expect(stored(scene, "session")).toMatchObject({ givenUp: 0 });
    expect(stored(scene, "session")).not.toHaveProperty("session");
  });

  test("in all it is asked keeps nobody from charging, and the platform from no session", () => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    faults.fails = () => true;
    for (let i = 0; i < 3; i++) chargeOnce(scene);
    expect(sessions(scene)).toMatchObject([{ endWh: 60 }, { endWh: 120 }, { endWh: 180 }]);
    scene.clock.advance(60_000);
    expect(scene.retained("$telemetry/waiting")).toBe("0");
    expect(scene.under.ends).toEqual([]);
    const complaints = scene.device.logLines.filter((line) => line.startsWith("sessions: not written"));
    expect(complaints).toHaveLength(1);
  });

  test("holds 8 sessions in memory, and gives the oldest of them up for another", () => {
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

  test("at the book's end of a session: it does not go on, though the platform has accepted it", () => {
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

  test("at the log's is over: what waits in memory is written before the next one takes its place in the book", () => {
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
    scene.until("both are told", () => sessions(scene).length === 2, 300_000);
  });

  test("at the log's leaves what the book has to the next run", () => {
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

  test("at the log's, and a platform that accepts: the book is closed", () => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    faults.fails = (action, key) => action === "write" && key.startsWith("log");
    chargeOnce(scene);
    expect(sessions(scene)).toHaveLength(1);
    expect(stored(scene, "session")).toEqual({ v: 1, meterWh: 60, givenUp: 0 });
  });

  test.each(["end", "dating"])("at its %s keeps no session from being dated", (moment) => {
    const faults = new FlashFaults();
    const scene = online({}, faults);
    const fail = () => {
      faults.fails = (action, key) => action === "write" && key.startsWith("log");
    };
    loseAnswers(scene);
    if (moment === "end") fail();
    chargeOnce(scene);
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

describe("the log", () => {
  test("keeps sessions while the platform is away, and reports all of them when it is back", () => {
    const scene = online();
    loseAnswers(scene);
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
    loseAnswers(scene);
    for (let i = 0; i < 66; i++) {
      start(scene);
      scene.device.meter.pulse(1);
      scene.clock.advance(1000);
      scene.device.vehicle.unplug();
      scene.clock.advance(15_000);
    }
    expect(stored(scene, "session")).toMatchObject({ givenUp: 2 });
    expect(scene.device.logLines.join("\n")).toContain("1 discarded, the log is full; 2 in total");
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

  test("does not take the end of the oldest, which nobody could date, for that of another in its place", () => {
    const scene = online();
    loseAnswers(scene);
    for (let i = 0; i < 64; i++) chargeOnce(scene);
    start(scene);
    charge(scene, 1);
    scene.clock.setEpochMs(EPOCH_MS);
    scene.device.vehicle.unplug();
    scene.clock.advance(2000);
    expect(stored(scene, "log0")).toMatchObject({ startWh: 64 * 60, end: EPOCH_MS / 1000 });
    expect(stored(scene, "log1")?.end).toBeLessThan(EPOCH_MS / 1000 - 60);
  });

  test.each([
    [1, "before"],
    [1, "after"],
    [2, "before"],
    [2, "after"],
  ] as const)("counts the oldest once when the power goes at write %d of the 65th, %s it", (count, comes) => {
    const scene = online();
    loseAnswers(scene);
    for (let i = 0; i < 64; i++) chargeOnce(scene);
    start(scene);
    charge(scene, 1);
    scene.device.flash.cutPowerAtWrite(count, comes);
    scene.device.vehicle.unplug();
    scene.clock.advance(1000);
    expect(scene.device.isRunning).toBe(false);
    bootOnline(scene);
    scene.clock.advance(20_000);
    expect(scene.retained("$telemetry/given-up")).toBe("1");
    expect(stored(scene, "session")).toMatchObject({ givenUp: 1 });
    expect(storedCount(scene)).toBe(64);
    expect(stored(scene, "log0")).toMatchObject({ startWh: 64 * 60 });
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
