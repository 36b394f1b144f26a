import { describe, expect, test } from "@jest/globals";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { WIRED_KEY } from "../../../modules/wiring/index.js";
import type { StoredWiring } from "../../../platform-stub/provisioning/board-file.js";
import { imageOf } from "../../../platform-stub/provisioning/identity.js";
import { ADMIN_PASSWORD, codeOf, Scene } from "../../virtual/scene.js";
import { IDENTITY as CAFE_IDENTITY } from "../identity.js";
import { flashFromImage } from "./flash-image.js";

const IDENTITY = { ...CAFE_IDENTITY, adminPassword: ADMIN_PASSWORD };
/** A wiring with pilot and contactor only. */
const LEAST: StoredWiring = {
  chip: "esp32",
  controlPilot: { generatorPin: 27, adcPin: 36, zeroMv: 1330, divider: 9.76 },
  contactorPin: 26,
};
const METER_WH = 100;

/** Builds a provisioned station with a wiring. */
function wired(wiring: StoredWiring, chip?: "esp32c3"): Scene {
  const flash = flashFromImage(imageOf(IDENTITY, { wiring }));
  const scene = new Scene({ isUnprovisioned: true, device: { flash, chip } });
  scene.under.deviceId = IDENTITY.id;
  scene.platform.keys.set(IDENTITY.id, IDENTITY.key);
  return scene;
}

function online(wiring: StoredWiring): Scene {
  const scene = wired(wiring);
  scene.bringOnline();
  return scene;
}

/** Charges with a tag, and returns the current that is offered, A. */
function charge(scene: Scene): number {
  scene.plug();
  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  return Math.round((scene.device.vehicle.dutyPermille * 60) / 1000);
}

describe("a station with a provisioned wiring", () => {
  test("charges, and has none of the parts that the wiring does not have", () => {
    const scene = online(LEAST);
    charge(scene);
    const { lock, lamp, buzzer } = scene.device;
    expect([lock.isOn, lamp.isOn, buzzer.isOn]).toEqual([false, false, false]);
    expect([scene.status().energyWh, scene.station.lastError]).toEqual([null, undefined]);
    expect(scene.retained("$telemetry/temperature")).toBeUndefined();
  });

  test("has the parts of the wiring", () => {
    const scene = online({ ...LEAST, lockPin: 32, lampPin: 18, currentLimitA: 13 });
    charge(scene);
    const { lock, lamp } = scene.device;
    expect([lock.isOn, lamp.isOn]).toEqual([true, true]);
  });

  test("ignores a button that the wiring does not have", () => {
    const scene = online(LEAST);
    scene.device.button.press();
    scene.clock.advance(6000);
    expect(scene.seen().pairing).toBe(false);
  });

  test("offers at most the current of the wiring", () => {
    expect(charge(online({ ...LEAST, currentLimitA: 10 }))).toBe(10);
    expect(charge(online(LEAST))).toBe(16);
  });

  test("counts pulses by the meter constant of the wiring", () => {
    const scene = online({ ...LEAST, meterPin: 33, meterPulsesPerKWh: 100 });
    charge(scene);
    scene.device.meter.pulse(METER_WH / 10);
    scene.clock.advance(1000);
    expect(scene.status()).toMatchObject({ energyWh: { session: METER_WH } });
  });

  test("keeps its wiring after a factory reset", () => {
    const scene = online(LEAST);
    scene.station.resetToProvisioned();
    scene.until("it has restarted", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    const { flash } = scene.device;
    expect([flash.get("plugpass", "device"), flash.get("plugpass", WIRED_KEY)]).not.toContain(undefined);
    expect(scene.status()).toMatchObject({ state: "unpaired", energyWh: null });
  });
});

describe("a station whose wiring is unknown", () => {
  /** Starts it with a vehicle that is ready, and checks that no pin is used. */
  function expectSafe(scene: Scene, message: string): void {
    const { vehicle, lock, lamp, buzzer } = scene.device;
    vehicle.plug();
    vehicle.set("ready");
    scene.under.boot();
    scene.clock.advance(60_000);
    expect(scene.under.station).toBeUndefined();
    expect(scene.under.ends).toEqual([]);
    expect(vehicle.isContactorClosed).toBe(false);
    expect([lock.isOn, lamp.isOn, buzzer.isOn]).toEqual([false, false, false]);
    expect(scene.status()).toMatchObject({
      state: "rescue",
      status: "unavailable",
      problem: { code: "wiring-invalid", message },
    });
    expect(scene.device.logLines.join("\n")).toContain(`safe mode: ${message}`);
  }

  test("uses no pin when the wiring is for another chip", () => {
    expectSafe(wired(LEAST, "esp32c3"), "wiring for another chip");
  });

  test("uses no pin when a field is invalid", () => {
    expectSafe(wired({ ...LEAST, contactorPin: 6 }), "contactorPin: unsuitable pin");
  });

  test("uses no pin when the record device is damaged", () => {
    const scene = wired(LEAST);
    scene.device.flash.set("plugpass", "device", encodeUTF8('{"v":1,"deviceId":"ca'));
    expectSafe(scene, "the record device cannot be read");
  });

  test("does not use the built-in wiring when the record device is lost", () => {
    const scene = new Scene({ isUnprovisioned: true });
    scene.device.flash.set("plugpass", WIRED_KEY, Uint8Array.of(1));
    expectSafe(scene, "the record device is lost");
  });

  test("stays in safe mode after it was paired, and requires the login when it has an owner", () => {
    const scene = online(LEAST);
    const { flash } = scene.device;
    const device = flash.get("plugpass", "device") as Uint8Array<ArrayBuffer>;
    flash.set("plugpass", "device", device.slice(0, -2));
    scene.under.powerCycle();
    scene.clock.advance(1000);
    expect(scene.pair()).toMatchObject({ status: 401 });
    flash.set("plugpass", "device", device);
    scene.under.powerCycle();
    scene.until("it is online again", () => scene.station.lifeCycle === "online");
  });
});
