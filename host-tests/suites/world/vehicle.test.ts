import { describe, expect, test } from "@jest/globals";
import { Vehicle, type VehicleState } from "../../virtual/world/vehicle.js";

describe("a vehicle on the cable", () => {
  // IEC 61851-1 table A.4.
  test.each<[VehicleState, highMv: number, lowMv: number]>([
    ["unplugged", 12_000, -12_000],
    ["plugged", 9000, -12_000],
    ["ready", 6000, -12_000],
    ["ready-with-ventilation", 3000, -12_000],
    ["shorted", 0, 0],
    ["without-diode", 6000, -6000],
  ])("that is %s changes the pilot to %d and %d mV", (state, highMv, lowMv) => {
    const vehicle = new Vehicle();
    vehicle.offer(266);
    vehicle.set(state);
    expect(vehicle.levels).toEqual({ highMv, lowMv });
  });

  test("gives a steady signal a single level", () => {
    const vehicle = new Vehicle();
    vehicle.plug();
    expect(vehicle.levels).toEqual({ highMv: 9000, lowMv: 9000 });
    vehicle.offer(0);
    expect(vehicle.levels).toEqual({ highMv: -12_000, lowMv: -12_000 });
  });

  // IEC 61851-1 table A.8.
  test.each([
    [0, "plugged"],
    [79, "plugged"],
    [80, "ready"],
    [970, "ready"],
    [971, "plugged"],
    [1000, "plugged"],
  ] as const)("that is offered a duty of %d ‰ is %s", (dutyPermille, state) => {
    const vehicle = new Vehicle();
    vehicle.plug();
    vehicle.offer(dutyPermille);
    expect(vehicle.state).toBe(state);
  });

  test("requests energy when the offer preceded it", () => {
    const vehicle = new Vehicle();
    vehicle.offer(266);
    vehicle.plug();
    expect(vehicle.state).toBe("ready");
  });

  test("stops requesting energy when the offer ends", () => {
    const vehicle = new Vehicle();
    vehicle.plug();
    vehicle.offer(266);
    vehicle.offer(1000);
    expect(vehicle.state).toBe("plugged");
  });

  test("can be plugged in without requesting energy", () => {
    const vehicle = new Vehicle();
    vehicle.plug({ requestsEnergyWhenOffered: false });
    vehicle.offer(266);
    expect(vehicle.state).toBe("plugged");
  });

  test("charges while the contactor is closed and it requests energy", () => {
    const vehicle = new Vehicle();
    vehicle.switchContactor(true);
    expect(vehicle.isCharging).toBe(false);
    vehicle.set("ready");
    expect(vehicle.isCharging).toBe(true);
    vehicle.set("ready-with-ventilation");
    expect(vehicle.isCharging).toBe(true);
    vehicle.switchContactor(false);
    expect(vehicle.isCharging).toBe(false);
  });

  test("notifies its watchers until they unwatch", () => {
    const vehicle = new Vehicle();
    const seen: VehicleState[] = [];
    const unwatch = vehicle.watch(() => seen.push(vehicle.state));
    vehicle.plug();
    unwatch();
    vehicle.unplug();
    expect(seen).toEqual(["plugged"]);
  });
});
