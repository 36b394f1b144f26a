import { expect, test } from "@jest/globals";
import { codeOf, Scene } from "../../virtual/scene.js";

test("two stations in one process do not affect each other", () => {
  const scene = new Scene();
  const other = scene.addStation();
  scene.bringOnline();
  scene.bringOnline(other);
  scene.plug();
  scene.plug(other);

  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  scene.clock.advance(1000);
  expect(scene.station.status).toBe("charging");
  expect(other.station?.status).toBe("plugged");
  expect(other.device.vehicle.isContactorClosed).toBe(false);
  expect(scene.platform.requests.map(({ deviceId }) => deviceId)).toEqual([scene.under.deviceId]);

  // A power cut of one station does not interrupt the other one.
  expect(codeOf(scene.present("GUEST-0001", other))).toBe(200);
  scene.clock.advance(1000);
  scene.device.cutPower();
  scene.clock.advance(1000);
  expect(scene.device.vehicle.isContactorClosed).toBe(false);
  expect(other.device.vehicle.isCharging).toBe(true);
  expect(scene.retained("charger/status", other)).toBe("charging");
});

test("a station does not publish on the topics of another one", () => {
  const scene = new Scene();
  const other = scene.addStation();
  scene.bringOnline();
  scene.bringOnline(other);
  const ids = (under: typeof other) =>
    [...scene.broker.retained.keys()].filter((topic) => topic.includes(under.deviceId));
  expect(ids(scene.under).length).toBeGreaterThan(10);
  expect(ids(other).length).toBe(ids(scene.under).length);
});
