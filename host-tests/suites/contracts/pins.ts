import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Contactor, ControlPilot, OpeningReason } from "../../../modules/board/index.js";
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
    let contactor: Contactor;
    let reasons: OpeningReason[];
    let pilot: ControlPilot;
    let readables: number;

    beforeEach(async () => {
      harness = await makeHarness();
      reasons = [];
      contactor = makeContactor();
      readables = 0;
      pilot = makePilot();
    });

    afterEach(async () => {
      await harness.dispose();
    });

    function makeContactor(pin = harness.board.pins.contactor): Contactor {
      return new harness.board.io.Contactor({ pin, onOpened: (reason) => reasons.push(reason) });
    }

    /** A vehicle requests energy, and the guard has measured that. */
    async function offer(): Promise<void> {
      harness.vehicle.plug();
      pilot.write(266);
      await harness.pass(A_WHILE_MS);
    }

    function makePilot(pin = harness.board.pins.controlPilot): ControlPilot {
      return new harness.board.io.ControlPilot({
        pin,
        onReadable: () => {
          readables++;
        },
      });
    }

    test("close the contactor on request, open it on request and at its end", async () => {
      const { vehicle } = harness;
      await offer();
      expect(vehicle.isContactorClosed).toBe(false);
      contactor.write(1);
      await harness.until("it closes", () => vehicle.isContactorClosed);
      contactor.write(0);
      expect(vehicle.isContactorClosed).toBe(false);
      contactor.write(1);
      await harness.until("it closes", () => vehicle.isContactorClosed);
      contactor.close();
      expect(vehicle.isContactorClosed).toBe(false);
      expect(reasons).toEqual([]);
    });

    test("do not close the contactor without a vehicle, and report why", async () => {
      await harness.pass(A_WHILE_MS);
      contactor.write(1);
      expect(harness.vehicle.isContactorClosed).toBe(false);
      await harness.until("it is reported", () => reasons.length > 0);
      expect(reasons).toEqual(["pilot"]);
    });

    test("open the contactor when the vehicle leaves C, and close it again only at a new request", async () => {
      const { vehicle } = harness;
      await offer();
      contactor.write(1);
      await harness.until("it closes", () => vehicle.isContactorClosed);
      vehicle.set("plugged");
      await harness.until("it opens", () => !vehicle.isContactorClosed);
      vehicle.set("ready");
      await harness.pass(A_WHILE_MS);
      contactor.write(1);
      await harness.pass(A_WHILE_MS);
      expect(vehicle.isContactorClosed).toBe(false);
      contactor.write(0);
      contactor.write(1);
      await harness.until("it closes", () => vehicle.isContactorClosed);
      expect(reasons).toEqual(["pilot"]);
    });

    test("open the contactor 3 s after the last renewal of the lease", async () => {
      const { vehicle } = harness;
      await offer();
      contactor.write(1);
      for (let i = 0; i < 5; i++) {
        await harness.pass(1000);
        contactor.renew();
      }
      await harness.pass(2900);
      expect(vehicle.isContactorClosed).toBe(true);
      await harness.pass(150);
      expect(vehicle.isContactorClosed).toBe(false);
      expect(reasons).toEqual(["lease"]);
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
      expect(() => contactor.renew()).toThrow("closed");
      expect(() => pilot.write(266)).toThrow("closed");
      expect(() => pilot.read()).toThrow("closed");
      expect(harness.vehicle.isContactorClosed).toBe(false);
    });
  });
}
