import { describe, expect, test } from "@jest/globals";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import { imageOf } from "../../../platform-stub/provisioning/identity.js";
import { BUILT_IN } from "../../virtual/board/pins.js";
import { ADMIN_PASSWORD, Scene, type SceneOptions } from "../../virtual/scene.js";
import { IDENTITY as CAFE_IDENTITY } from "../identity.js";
import { flashFromImage } from "./flash-image.js";

const A_WHILE_MS = 2000;
/** Time for a soft stop, and for the minimum off time after it, ms. */
const STOP_MS = 6000;
const LEASE_MS = 300_000;

function charging(scene: Scene): Scene {
  scene.plug();
  scene.present("GUEST-0001");
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  scene.clock.advance(A_WHILE_MS);
  return scene;
}

function online(options: SceneOptions = {}): Scene {
  const scene = new Scene(options);
  scene.bringOnline();
  return scene;
}

function set(scene: Scene, path: string, value: string, waitMs = A_WHILE_MS): void {
  scene.set(path, value);
  scene.clock.advance(waitMs);
}

/** Current that the station offers, A; 0 with a steady pilot. */
function offeredA(scene: Scene): number {
  const { dutyPermille } = scene.device.vehicle;
  return dutyPermille === 1000 ? 0 : Math.round((dutyPermille * 60) / 1000);
}

/** Errors that the station has published, by property. */
function errors(scene: Scene): [string | undefined, string][] {
  return scene.broker.published.flatMap(({ topic, payload }) =>
    topic.includes("/errors/")
      ? [[topic.split("/").at(-1), JSON.parse(decodeUTF8(payload) ?? "").message]]
      : [],
  );
}

describe("the energy manager's limit", () => {
  test("is in force for its lease; then the fallback current is 6 A", () => {
    const scene = charging(online());
    set(scene, "charger/limit-now", "10");
    expect([offeredA(scene), scene.retained("charger/limit-now")]).toEqual([10, "10"]);
    expect(scene.retained("$options/fallback-current")).toBe("6");
    scene.clock.advance(LEASE_MS - 2 * A_WHILE_MS);
    expect(offeredA(scene)).toBe(10);
    scene.clock.advance(2 * A_WHILE_MS);
    expect([offeredA(scene), scene.retained("charger/limit-now")]).toEqual([6, "6"]);
    expect(scene.status()).toMatchObject({
      current: { offeredA: 6, limitedBy: "fallback", installationA: 16 },
    });
    expect(scene.device.vehicle.isCharging).toBe(true);
  });

  test("is renewed by each limit, also an unchanged one", () => {
    const scene = charging(online());
    for (let i = 0; i < 10; i++) set(scene, "charger/limit-now", "12", LEASE_MS - A_WHILE_MS);
    expect(offeredA(scene)).toBe(12);
  });

  test("is not renewed by one that is refused", () => {
    const scene = charging(online());
    set(scene, "charger/limit-now", "12", LEASE_MS - A_WHILE_MS);
    set(scene, "charger/limit-now", "5", 2 * A_WHILE_MS);
    expect(offeredA(scene)).toBe(6);
  });

  test("has the lease that is set", () => {
    const scene = charging(online());
    set(scene, "charger/limit-lease", "30");
    set(scene, "charger/limit-now", "12", 29_000);
    expect(offeredA(scene)).toBe(12);
    scene.clock.advance(2000);
    expect(offeredA(scene)).toBe(6);
  });

  test("of 0 A pauses, and the session continues", () => {
    const scene = charging(online());
    const id = scene.station.snapshot.sessionId;
    set(scene, "charger/limit-now", "0", STOP_MS);
    expect([offeredA(scene), scene.device.vehicle.isContactorClosed]).toEqual([0, false]);
    set(scene, "charger/limit-now", "8", STOP_MS);
    expect([offeredA(scene), scene.device.vehicle.isCharging]).toEqual([8, true]);
    expect(scene.station.snapshot.sessionId).toBe(id);
  });

  test.each(["1", "5", "5.9", "0.5", "33", "-1", "auto", ""])(
    "of %j is refused or rounded down to 0, and the value in force is published",
    (value) => {
      const scene = charging(online());
      set(scene, "charger/limit-now", "9");
      scene.broker.published.length = 0;
      set(scene, "charger/limit-now", value);
      const inForce = value === "0.5" ? "0" : "9";
      const values = scene.broker.published.flatMap(({ topic, payload }) =>
        topic.endsWith("/charger/limit-now") && !topic.includes("/errors/") ? [decodeUTF8(payload)] : [],
      );
      expect(values).toEqual([inForce]);
      expect(errors(scene)).toHaveLength(inForce === "0" ? 0 : 1);
    },
  );

  test("is rounded down", () => {
    const scene = charging(online());
    set(scene, "charger/limit-now", "9.99");
    expect([offeredA(scene), scene.retained("charger/limit-now")]).toEqual([9, "9"]);
  });

  test("raises neither the owner's limit, nor that of the installation, nor that of the card", () => {
    const scene = online();
    scene.platform.tags.set("GUEST-0001", { authorized: true, maxCurrent: 12.7 });
    charging(scene);
    set(scene, "charger/limit-now", "32");
    expect(offeredA(scene)).toBe(12);
    expect(scene.status()).toMatchObject({ current: { offeredA: 12, limitedBy: "card" } });
    set(scene, "charger/current-limit", "8");
    expect(offeredA(scene)).toBe(8);
  });

  test("is followed by the owner's fallback current, which a new limit does not replace", () => {
    const scene = charging(online());
    set(scene, "$options/fallback-current", "11");
    expect(offeredA(scene)).toBe(11);
    set(scene, "charger/limit-now", "7");
    scene.clock.advance(LEASE_MS);
    expect([offeredA(scene), scene.retained("$options/fallback-current")]).toEqual([11, "11"]);
    set(scene, "$options/fallback-current", "3");
    expect(errors(scene)).toEqual([["fallback-current", "the limit must be 0 or 6-32 A"]]);
    set(scene, "$options/fallback-current", "0", STOP_MS);
    expect(offeredA(scene)).toBe(0);
  });

  test("is forgotten at a restart, which begins with the fallback current", () => {
    const scene = charging(online());
    set(scene, "charger/limit-now", "14");
    scene.device.vehicle.unplug();
    scene.under.powerCycle();
    scene.until("it is online", () => scene.station.lifeCycle === "online");
    charging(scene);
    expect([offeredA(scene), scene.retained("charger/limit-now")]).toEqual([6, "6"]);
  });

  test("is followed by 6 A also where the fallback current cannot be stored", () => {
    const scene = charging(
      online({
        wrapBoard: (board) => ({
          ...board,
          openStorage: (path) => {
            const storage = board.openStorage(path);
            return {
              ...storage,
              write: (key, value) => {
                if (key === "options") throw new Error("the flash is broken");
                storage.write(key, value);
              },
            };
          },
        }),
      }),
    );
    set(scene, "charger/limit-now", "10");
    expect(offeredA(scene)).toBe(10);
    scene.clock.advance(LEASE_MS);
    expect(offeredA(scene)).toBe(6);
  });

  test("costs no write of the flash when it is set each second for an hour", () => {
    const scene = online();
    set(scene, "charger/limit-now", "6");
    const before = scene.device.flash.writeCount;
    for (let i = 0; i < 3600; i++) set(scene, "charger/limit-now", String(6 + (i % 10)), 1000);
    expect(scene.device.flash.writeCount - before).toBeLessThan(10);
  });
});

describe("the pause", () => {
  test("opens the contactor, and the session continues after it", () => {
    const scene = charging(online());
    set(scene, "charger/paused", "true", STOP_MS);
    expect([offeredA(scene), scene.device.vehicle.isContactorClosed]).toEqual([0, false]);
    expect(scene.retained("charger/paused")).toBe("true");
    expect(scene.status()).toMatchObject({ current: { offeredA: 0, limitedBy: "paused" } });
    set(scene, "charger/paused", "false", STOP_MS);
    expect([offeredA(scene), scene.device.vehicle.isCharging]).toEqual([16, true]);
    scene.device.vehicle.unplug();
    scene.until("the session is reported", () => scene.platform.sessions.size === 1);
  });

  test("also applies to the next vehicle, and ends with a restart", () => {
    const scene = online();
    set(scene, "charger/paused", "true");
    scene.plug();
    scene.present("GUEST-0001");
    scene.clock.advance(STOP_MS);
    expect(offeredA(scene)).toBe(0);
    scene.device.vehicle.unplug();
    scene.under.powerCycle();
    scene.until("it is online", () => scene.station.lifeCycle === "online");
    scene.until("it is published", () => scene.retained("charger/paused") === "false");
  });

  test("does not stay with the heat: a paused station resumes at 75 °C, where one that was too hot does not", () => {
    const scene = charging(online());
    set(scene, "charger/paused", "true", STOP_MS);
    scene.device.temperatureC = 75;
    set(scene, "charger/paused", "false", 15_000);
    expect(offeredA(scene)).toBe(8);
    scene.device.temperatureC = 85;
    scene.clock.advance(15_000);
    set(scene, "charger/paused", "true");
    scene.device.temperatureC = 75;
    set(scene, "charger/paused", "false", 15_000);
    expect(offeredA(scene)).toBe(0);
  });

  test("keeps its 0 A when the thermometer breaks", () => {
    const scene = charging(online());
    set(scene, "charger/paused", "true", STOP_MS);
    scene.device.temperatureC = undefined;
    scene.clock.advance(15_000);
    expect(offeredA(scene)).toBe(0);
  });
});

describe("the flash", () => {
  test("is written at most once a minute when the owner's limit is set each second", () => {
    const scene = online();
    scene.clock.advance(60_000);
    const before = scene.device.flash.writeCount;
    for (let i = 0; i < 3600; i++) set(scene, "charger/current-limit", String(6 + (i % 10)), 1000);
    expect(scene.device.flash.writeCount - before).toBeLessThan(60 + 10 + 2);
    expect(scene.retained("charger/current-limit")).toBe("15");
    scene.clock.advance(61_000);
    scene.under.powerCycle();
    scene.until("it is online", () => scene.station.lifeCycle === "online");
    expect(scene.station.snapshot.settings.currentLimitA).toBe(15);
  });

  test("is not written by a setting that is set to its value", () => {
    const scene = online();
    set(scene, "charger/current-limit", "12");
    const before = scene.device.flash.writeCount;
    for (let i = 0; i < 20; i++) set(scene, "charger/current-limit", "12");
    expect(scene.device.flash.writeCount).toBe(before);
  });
});

describe("the installation limit", () => {
  const provisioning = { installationLimitA: 10 };

  test("is the highest value of the owner's limit, also after a factory reset", () => {
    const scene = charging(online({ provisioning }));
    expect([offeredA(scene), scene.retained("charger/current-limit")]).toEqual([10, "10"]);
    expect(scene.retained("charger/current-limit/$format")).toBe("6:10");
    set(scene, "charger/current-limit", "16");
    set(scene, "charger/limit-now", "32");
    expect([offeredA(scene), scene.retained("charger/current-limit")]).toEqual([10, "10"]);
    set(scene, "charger/current-limit", "8");
    scene.device.vehicle.unplug();
    scene.station.resetToProvisioned();
    scene.until("it has restarted", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    expect(scene.status()).toMatchObject({
      current: { offeredA: 10, limitedBy: "installation", installationA: 10 },
    });
  });

  test("does not raise the limit of the board", () => {
    const scene = charging(online({ provisioning: { installationLimitA: 32 } }));
    expect(offeredA(scene)).toBe(16);
  });

  test("lowers a limit that the owner has stored before", () => {
    const scene = new Scene({ provisioning });
    scene.setOptions({ currentLimitA: 16 });
    scene.bringOnline();
    expect(scene.retained("charger/current-limit")).toBe("10");
  });

  test("is in the image that provisioning makes", () => {
    const flash = flashFromImage(
      imageOf({ ...CAFE_IDENTITY, adminPassword: ADMIN_PASSWORD }, { installationLimitA: 8 }),
    );
    const scene = new Scene({ isUnprovisioned: true, device: { flash } });
    scene.under.boot();
    scene.clock.advance(A_WHILE_MS);
    expect(scene.status()).toMatchObject({ current: { installationA: 8 } });
  });
});

describe("a station with a second contactor", () => {
  const WIRED = { provisioning: { wiring: { ...BUILT_IN, chip: "esp32", phaseContactorPin: 22 } } };
  const PAUSE_MS = 10_000;

  /** Requires that the second contactor changes only while the first one has been open for the pause, without an offer. */
  function watch(scene: Scene): { readonly changes: number[] } {
    const { phaseContactor, vehicle } = scene.device;
    const log = { changes: [] as number[] };
    let openedAtMs = 0;
    let changedAtMs = Number.NEGATIVE_INFINITY;
    let wasClosed = vehicle.isContactorClosed;
    vehicle.watch(() => {
      const now = scene.clock.monotonicMs();
      if (vehicle.isContactorClosed && !wasClosed) expect(now - changedAtMs).toBeGreaterThanOrEqual(PAUSE_MS);
      if (!vehicle.isContactorClosed && wasClosed) openedAtMs = now;
      wasClosed = vehicle.isContactorClosed;
    });
    phaseContactor.watch(() => {
      changedAtMs = scene.clock.monotonicMs();
      log.changes.push(phaseContactor.isOn ? 3 : 1);
      expect([vehicle.isContactorClosed, vehicle.dutyPermille]).toEqual([false, 1000]);
      expect(changedAtMs - openedAtMs).toBeGreaterThanOrEqual(PAUSE_MS);
    });
    return log;
  }

  test("begins with one phase and no offer, and closes it after the pause", () => {
    const scene = new Scene(WIRED);
    scene.under.boot();
    scene.clock.advance(PAUSE_MS - 1000);
    expect(scene.device.phaseContactor.isOn).toBe(false);
    expect(scene.status()).toMatchObject({ current: { offeredA: 0, limitedBy: "phase-switching" } });
    scene.clock.advance(2 * PAUSE_MS);
    expect(scene.device.phaseContactor.isOn).toBe(true);
    expect(scene.status()).toMatchObject({ current: { offeredA: 16 } });
  });

  test("changes to one phase and back within a session", () => {
    const scene = online(WIRED);
    scene.clock.advance(2 * PAUSE_MS);
    charging(scene);
    const id = scene.station.snapshot.sessionId;
    const log = watch(scene);
    set(scene, "charger/phases", "1", STOP_MS + 2 * PAUSE_MS + 3000);
    expect([log.changes, scene.device.vehicle.isCharging]).toEqual([[1], true]);
    expect(scene.retained("charger/phases")).toBe("1");
    set(scene, "charger/phases", "3", STOP_MS + 2 * PAUSE_MS + 3000);
    expect([log.changes, scene.device.vehicle.isCharging]).toEqual([[1, 3], true]);
    expect([scene.retained("charger/phases"), scene.station.snapshot.sessionId]).toEqual(["3", id]);
  });

  test("keeps the number of phases over a restart, which begins with an open contactor", () => {
    const scene = online(WIRED);
    scene.clock.advance(2 * PAUSE_MS);
    set(scene, "charger/phases", "1");
    scene.clock.advance(3 * PAUSE_MS);
    scene.under.powerCycle();
    scene.clock.advance(3 * PAUSE_MS);
    expect([scene.device.phaseContactor.isOn, scene.station.snapshot.phases]).toEqual([false, 1]);
  });

  test("opens the second contactor with the first one at a fault, and closes it after the pause", () => {
    const scene = online(WIRED);
    scene.clock.advance(2 * PAUSE_MS);
    charging(scene);
    scene.device.vehicle.set("shorted");
    scene.clock.advance(200);
    expect([scene.device.vehicle.isContactorClosed, scene.device.phaseContactor.isOn]).toEqual([
      false,
      false,
    ]);
    scene.clock.advance(5 * PAUSE_MS);
    expect(scene.device.phaseContactor.isOn).toBe(false);
    scene.device.vehicle.unplug();
    scene.clock.advance(PAUSE_MS - 1000);
    expect(scene.device.phaseContactor.isOn).toBe(false);
    scene.clock.advance(2000);
    expect(scene.device.phaseContactor.isOn).toBe(true);
  });

  test("has the pause that is set", () => {
    const scene = online(WIRED);
    scene.clock.advance(2 * PAUSE_MS);
    set(scene, "$options/phase-pause", "30");
    set(scene, "charger/phases", "1", 29_000);
    expect(scene.device.phaseContactor.isOn).toBe(true);
    scene.clock.advance(5000);
    expect(scene.device.phaseContactor.isOn).toBe(false);
  });

  test.each(["2", "0", "three"])("refuses %s phases", (value) => {
    const scene = online(WIRED);
    set(scene, "charger/phases", value);
    expect(errors(scene)).toEqual([["phases", "the value must be one of 1,3"]]);
  });
});

test("a station without a second contactor has no phases in its telemetry", () => {
  const scene = online();
  expect([scene.retained("charger/phases"), scene.retained("$options/phase-pause")]).toEqual([
    undefined,
    undefined,
  ]);
});
