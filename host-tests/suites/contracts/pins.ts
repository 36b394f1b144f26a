import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ControlPilot, DigitalOut } from "../../../modules/board/index.js";
import type { Vehicle } from "../../virtual/world/vehicle.js";
import type { Harness } from "./harness.js";

/** A board with a charging cable. */
export interface VehicleHarness extends Harness {
  readonly vehicle: Vehicle;
}

const A_WHILE_MS = 100;

/** Defines the tests that each board's pins have to pass (modules/board/pins.ts). */
export function describePinsContract(name: string, makeHarness: () => Promise<VehicleHarness>): void {
  describe(`${name}: pins`, () => {
    let harness: VehicleHarness;
    let contactor: DigitalOut;
    let pilot: ControlPilot;
    let readables: number;

    beforeEach(async () => {
      harness = await makeHarness();
      contactor = makeContactor();
      readables = 0;
      pilot = makePilot();
    });

    afterEach(async () => {
      await harness.dispose();
    });

    function makeContactor(pin = harness.board.pins.contactor): DigitalOut {
      return new harness.board.io.DigitalOut({ pin });
    }

    function makePilot(pin = harness.board.pins.controlPilot): ControlPilot {
      return new harness.board.io.ControlPilot({
        pin,
        onReadable: () => {
          readables++;
        },
      });
    }

    test("start an output inactive, follow its writes and leave it inactive", () => {
      const { vehicle } = harness;
      expect(vehicle.isContactorClosed).toBe(false);
      contactor.write(1);
      expect(vehicle.isContactorClosed).toBe(true);
      contactor.write(0);
      expect(vehicle.isContactorClosed).toBe(false);
      contactor.write(1);
      contactor.close();
      expect(vehicle.isContactorClosed).toBe(false);
    });

    test("start and end the pilot at a steady level, and offer the written duty", () => {
      expect(harness.vehicle.dutyPermille).toBe(1000);
      pilot.write(266);
      expect(harness.vehicle.dutyPermille).toBe(266);
      pilot.close();
      expect(harness.vehicle.dutyPermille).toBe(1000);
    });

    test("read the pilot levels that the vehicle causes", () => {
      expect(pilot.read()).toEqual({ highMv: 12_000, lowMv: 12_000 });
      harness.vehicle.plug();
      pilot.write(266);
      expect(pilot.read()).toEqual({ highMv: 6000, lowMv: -12_000 });
    });

    test("report a new pilot level, not synchronously", async () => {
      harness.vehicle.plug();
      expect(readables).toBe(0);
      await harness.until("it is reported", () => readables > 0);
    });

    test("report a change of the lower level alone: a diode that fails during a session", async () => {
      harness.vehicle.plug();
      pilot.write(266);
      await harness.pass(A_WHILE_MS);
      const before = readables;
      harness.vehicle.set("without-diode");
      await harness.until("it is reported", () => readables > before);
      expect(pilot.read()).toEqual({ highMv: 6000, lowMv: -6000 });
    });

    test("report nothing while the levels do not change", async () => {
      contactor.write(1);
      await harness.pass(A_WHILE_MS);
      expect(readables).toBe(0);
    });

    test.each([-1, 1001, Number.NaN])("throw on a duty of %d", (dutyPermille) => {
      expect(() => pilot.write(dutyPermille)).toThrow(RangeError);
    });

    test("throw on a pin that is in use until it is closed", () => {
      expect(() => makeContactor()).toThrow("in use");
      expect(() => makePilot()).toThrow("in use");
      contactor.close();
      pilot.close();
      expect(() => makeContactor()).not.toThrow();
      expect(() => makePilot()).not.toThrow();
    });

    test("throw on a pin that is wired for another function", () => {
      contactor.close();
      pilot.close();
      expect(() => makeContactor(harness.board.pins.controlPilot)).toThrow("cannot");
      expect(() => makePilot(harness.board.pins.contactor)).toThrow("cannot");
    });

    test("throw on the use of a closed pin and call no callback", async () => {
      harness.vehicle.plug();
      contactor.close();
      contactor.close();
      pilot.close();
      pilot.close();
      await harness.pass(A_WHILE_MS);
      expect(readables).toBe(0);
      expect(() => contactor.write(1)).toThrow("closed");
      expect(() => pilot.write(266)).toThrow("closed");
      expect(() => pilot.read()).toThrow("closed");
      expect(harness.vehicle.isContactorClosed).toBe(false);
    });
  });
}
