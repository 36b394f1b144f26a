import { describe, expect, test } from "@jest/globals";
import { Scene } from "../../virtual/scene.js";
import { drawWatts } from "./metered-scene.js";

const PULSE_MS = 30;
const BOUNCE_MS = 2;

function charging(limitA = 16): Scene {
  const scene = new Scene();
  scene.bringOnline();
  scene.set("charger/current-limit", String(limitA));
  scene.clock.advance(1000);
  scene.plug();
  scene.present("GUEST-0001");
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  return scene;
}

/** Closes and opens the meter's contact. It bounces once, some milliseconds after each edge. */
function sendBouncingPulse({ clock, device }: Scene): void {
  const { contact } = device.meter;
  for (const isOn of [true, false]) {
    contact.switch(isOn);
    clock.advance(BOUNCE_MS);
    contact.switch(!isOn);
    contact.switch(isOn);
    clock.advance(PULSE_MS - BOUNCE_MS);
  }
}

describe("a station with an S0 meter", () => {
  test("bills 100 Wh for 100 pulses that bounce after 2 ms", () => {
    const scene = charging();
    for (let i = 0; i < 100; i++) sendBouncingPulse(scene);
    scene.device.vehicle.unplug();
    scene.until("the session is reported", () => scene.platform.sessions.size > 0);
    const [session] = scene.platform.sessions.values();
    expect(Number(session?.endWh) - Number(session?.startWh)).toBe(100);
  });

  test("ends the session of a vehicle that draws 18 kW on an offer of 6 A", () => {
    const scene = charging(6);
    drawWatts(scene, 18_000, 25);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
    scene.clock.advance(1000);
    expect(scene.retained("charger/status")).toBe("faulted");
    expect(scene.retained("charger/last-error")).toBe(
      "overcurrent: the vehicle draws 26 A, and 6 A are offered",
    );
  });

  test.each([
    ["three phases at 253 V", 16, 3 * 16 * 253],
    ["three phases at 253 V and the lowest offer", 6, 3 * 6 * 253],
  ])("charges a vehicle on %s", (_what, limitA, watts) => {
    const scene = charging(limitA);
    drawWatts(scene, watts, 120);
    expect(scene.device.vehicle.isCharging).toBe(true);
  });

  test("charges on when the offer is lowered, and the vehicle follows after 5 s", () => {
    const scene = charging();
    drawWatts(scene, 3 * 16 * 230, 60);
    scene.set("charger/current-limit", "6");
    drawWatts(scene, 3 * 16 * 230, 5);
    drawWatts(scene, 3 * 6 * 230, 120);
    expect(scene.device.vehicle.isCharging).toBe(true);
  });

  test("ends the session when the offer is lowered, and the vehicle does not follow", () => {
    const scene = charging();
    drawWatts(scene, 3 * 16 * 230, 60);
    scene.set("charger/current-limit", "6");
    drawWatts(scene, 3 * 16 * 230, 14);
    expect(scene.device.vehicle.isCharging).toBe(true);
    drawWatts(scene, 3 * 16 * 230, 10);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
  });
});
