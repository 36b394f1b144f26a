/** A fleet of 500 stations with one repository and a bad release. */

import { expect, test } from "@jest/globals";
import type { StationUnderTest } from "../../virtual/scene.js";
import { UpdateScene } from "../simulation/update-scene.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const STATIONS = 500;
/** Evening before the first night, ms. Stations look for updates at 03:00 unless configured otherwise. */
const EVENING_MS = 100 * DAY_MS + 2.9 * 60 * MINUTE_MS;

/** Pairs 500 stations and brings them online. */
function bringFleetOnline(scene: UpdateScene): StationUnderTest[] {
  scene.bringOnline();
  const pairing = scene.device.flash.get("plugpass", "pairing");
  if (!pairing) throw new Error("the first station is not paired");
  const fleet = [scene.under];
  while (fleet.length < STATIONS) {
    const under = scene.addStation();
    under.device.flash.set("plugpass", "pairing", pairing);
    scene.clock.set(() => under.boot(), scene.world.random.int(MINUTE_MS));
    fleet.push(under);
  }
  scene.until(
    "the fleet is online",
    () => fleet.every((under) => under.station?.lifeCycle === "online"),
    10 * MINUTE_MS,
  );
  return fleet;
}

/** Runs the part of a night in which stations look for updates. */
function sleep(scene: UpdateScene, night: number): void {
  scene.clock.setEpochMs(EVENING_MS + night * DAY_MS);
  scene.clock.advance(40 * MINUTE_MS);
}

test("a bad release at 5 % of 500 stations is halted automatically, and the next release reaches all stations", () => {
  const scene = new UpdateScene({ seed: 500 });
  const fleet = bringFleetOnline(scene);
  const versions = () => fleet.map((under) => scene.version(under));
  const online = () => fleet.filter((under) => under.station?.lifeCycle === "online").length;
  for (const under of fleet) under.bad.set(2, () => under.device.hang());

  scene.release(2, { percent: 5 });
  sleep(scene, 0);
  const { rolledBack, updated, isHalted } = scene.server.repository.progress({
    productId: "plugpass",
    version: 2,
    channel: "stable",
  });
  expect(isHalted).toBe(true);
  expect(updated).toEqual([]);
  expect(rolledBack.length).toBeGreaterThanOrEqual(3);
  // Only the stations that had started the update when it was halted.
  expect(rolledBack.length).toBeLessThan(0.05 * STATIONS);
  expect(new Set(versions())).toEqual(new Set([1]));
  expect(online()).toBe(STATIONS);
  for (const under of fleet) {
    const wasHit = rolledBack.includes(under.deviceId);
    expect(
      scene.updateState(under)?.startsWith("Rolled back: version 2: reset by the task watchdog") ?? false,
    ).toBe(wasHit);
  }

  scene.release(3, { percent: 5 });
  sleep(scene, 1);
  const first = versions().filter((version) => version === 3).length;
  expect(first).toBeGreaterThan(0.02 * STATIONS);
  expect(first).toBeLessThan(0.08 * STATIONS);

  scene.release(3, { percent: 100 });
  sleep(scene, 2);
  expect(new Set(versions())).toEqual(new Set([3]));
  expect(online()).toBe(STATIONS);
}, 600_000);
