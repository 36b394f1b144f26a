/** Tests of the interlocks below the driver, with a board that has each input. */

import { describe, expect, test } from "@jest/globals";
import { InterlockStation as Station } from "../../host-tests/suites/interlock-station.js";

const DAY_MS = 86_400_000;

describe("the proximity contact", () => {
  test.each([
    [1500, 216],
    [680, 333],
    [220, 533],
    [100, 533],
  ])("of %i Ω caps the offer to a duty of %i per mille", (ohms, dutyPermille) => {
    const station = new Station();
    station.ohms = ohms;
    station.start();
    expect([station.isClosed, station.dutyPermille]).toEqual([true, dutyPermille]);
  });

  test("without a cable faults the station after a while, without an offer before", () => {
    const station = new Station();
    station.ohms = Number.POSITIVE_INFINITY;
    station.put(9000);
    station.authorize();
    station.clock.advance(1000);
    expect([station.dutyPermille, station.reported]).toEqual([1000, []]);
    station.clock.advance(1000);
    expect([station.dutyPermille, station.reported]).toEqual([1000, ["proximity-failed"]]);
    station.put(12_000);
    expect(station.charging.status).toBe("available");
  });

  test("follows a plug that is still being pushed in", () => {
    const station = new Station();
    station.ohms = 0;
    station.put(9000);
    station.clock.advance(800);
    station.ohms = 680;
    station.clock.advance(800);
    station.start();
    expect([station.dutyPermille, station.reported]).toEqual([333, []]);
  });

  test("of a locked cable that changes opens the contactor", () => {
    const station = Station.charging();
    station.ohms = 1500;
    station.clock.advance(1500);
    expect([station.isClosed, station.reported]).toEqual([false, ["proximity-failed"]]);
  });

  test("of a locked cable is debounced", () => {
    const station = Station.charging();
    station.clock.advance(950);
    station.ohms = 0;
    station.clock.advance(150);
    station.ohms = 220;
    station.clock.advance(5000);
    expect([station.isClosed, station.reported]).toEqual([true, []]);
  });

  test("of a vehicle that returns at once is measured again, without an offer before", () => {
    const station = Station.charging();
    station.put(12_000);
    expect(station.dutyPermille).toBe(1000);
    station.ohms = 680;
    station.put(9000);
    expect(station.dutyPermille).toBe(1000);
    station.clock.advance(500);
    expect([station.dutyPermille, station.reported]).toEqual([333, []]);
  });

  test("of the next cable is measured again", () => {
    const station = Station.charging();
    station.put(12_000);
    station.clock.advance(5000);
    station.ohms = 1500;
    station.start();
    expect([station.isClosed, station.dutyPermille]).toEqual([true, 216]);
  });
});

describe("the self-test of the residual current device", () => {
  test("passes before each closing, with an open contactor", () => {
    const station = Station.charging();
    expect(station.tests).toBe(1);
    station.put(9000);
    station.clock.advance(10_000);
    station.put(6000);
    station.clock.advance(1000);
    expect([station.isClosed, station.tests]).toEqual([true, 2]);
  });

  test("that fails keeps the contactor open, until a later test has passed and the vehicle has left", () => {
    const station = new Station();
    station.isTestBroken = true;
    station.start();
    expect([station.isClosed, station.reported]).toEqual([false, ["residual-current-test-failed"]]);
    station.put(12_000);
    expect(station.charging.status).toBe("faulted");
    station.clock.advance(120_000);
    expect(station.reported).toEqual(["residual-current-test-failed"]);
    station.isTestBroken = false;
    station.clock.advance(62_000);
    expect(station.charging.status).toBe("available");
    station.start();
    expect(station.isClosed).toBe(true);
  });

  test("that the device still reports afterwards has failed", () => {
    const station = new Station();
    station.put(9000);
    station.authorize();
    station.clock.advance(2000);
    station.put(6000);
    station.clock.advance(15);
    station.handleWrite = () => {};
    station.clock.advance(3000);
    expect([station.isClosed, station.reported]).toEqual([false, ["residual-current-test-failed"]]);
  });

  test("runs each day while the contactor is open", () => {
    const station = new Station();
    station.clock.advance(3 * DAY_MS);
    expect(station.tests).toBe(3);
    station.start();
    expect(station.tests).toBe(4);
    station.clock.advance(3 * DAY_MS);
    expect([station.isClosed, station.tests]).toEqual([true, 4]);
    station.put(12_000);
    station.clock.advance(600_000);
    expect(station.tests).toBe(5);
  });

  test("is not begun while the device reports a residual current", () => {
    const station = new Station();
    station.hasResidualCurrent = true;
    station.start();
    expect([station.isClosed, station.tests]).toEqual([false, 0]);
  });
});

describe("the monitors of the supply", () => {
  test("open the contactor without protective earth, and fault the station until it is back and the vehicle has left", () => {
    const station = Station.charging();
    station.set("earth", 0);
    station.clock.advance(150);
    expect([station.isClosed, station.reported]).toEqual([false, ["earth-missing"]]);
    station.put(12_000);
    station.clock.advance(10_000);
    expect(station.charging.status).toBe("faulted");
    station.set("earth", 1);
    station.clock.advance(1000);
    expect(station.charging.status).toBe("available");
  });

  test("ignore a bounce of the earth's monitor", () => {
    const station = Station.charging();
    station.set("earth", 0);
    station.clock.advance(50);
    station.set("earth", 1);
    station.clock.advance(1000);
    expect([station.isClosed, station.reported]).toEqual([true, []]);
  });

  test.each(["l1", "l2", "l3"])("pause the session while %s has no voltage", (phase) => {
    const station = Station.charging();
    station.set(phase, 0);
    station.clock.advance(150);
    // The vehicle has 3 s to stop.
    expect([station.isClosed, station.dutyPermille]).toEqual([true, 1000]);
    station.put(9000);
    station.clock.advance(40);
    expect([station.isClosed, station.dutyPermille, station.reported]).toEqual([
      false,
      1000,
      ["phase-missing"],
    ]);
    station.clock.advance(3000);
    station.set(phase, 1);
    station.clock.advance(1000);
    expect(station.dutyPermille).toBe(533);
    station.put(6000);
    station.clock.advance(2000);
    expect(station.isClosed).toBe(true);
  });
});

describe("the lock with feedback", () => {
  test("is retried, and faults the station after the third attempt", () => {
    const station = new Station();
    station.isLockStuck = true;
    station.put(9000);
    station.authorize();
    station.put(6000);
    station.clock.advance(4000);
    expect([station.isClosed, station.reported]).toEqual([false, []]);
    station.clock.advance(500);
    expect([station.isClosed, station.reported]).toEqual([false, ["lock-failed"]]);
  });

  test("that locks at the second attempt delays the closing", () => {
    const station = new Station();
    station.isLockStuck = true;
    station.put(9000);
    station.authorize();
    station.clock.advance(1200);
    station.put(6000);
    station.isLockStuck = false;
    station.clock.advance(500);
    expect(station.isClosed).toBe(false);
    station.clock.advance(2000);
    expect([station.isClosed, station.reported]).toEqual([true, []]);
  });

  test("that opens during charging opens the contactor, unless it bounces", () => {
    const station = Station.charging();
    station.set("lock-feedback", 0);
    station.clock.advance(100);
    station.set("lock-feedback", 1);
    station.clock.advance(1000);
    expect([station.isClosed, station.reported]).toEqual([true, []]);
    station.set("lock-feedback", 0);
    station.clock.advance(250);
    expect([station.isClosed, station.reported]).toEqual([false, ["lock-failed"]]);
  });

  test("that does not unlock is reported once and retried until it does", () => {
    const station = Station.charging();
    station.isLockStuck = true;
    station.charging.stop();
    station.clock.advance(120_000);
    expect(station.reported).toEqual(["unlock-failed"]);
    station.isLockStuck = false;
    station.clock.advance(40_000);
    expect([station.written.get("lock"), station.levels.get("lock-feedback")]).toEqual([0, 0]);
  });
});

describe("ventilation", () => {
  test("that a vehicle requires pauses the session, with one warning", () => {
    const station = Station.charging();
    station.put(3000);
    expect([station.isClosed, station.reported]).toEqual([false, ["ventilation-required"]]);
    station.put(9000);
    station.put(3000);
    expect([station.charging.session !== undefined, station.reported]).toEqual([
      true,
      ["ventilation-required"],
    ]);
    station.clock.advance(3000);
    station.put(6000);
    station.clock.advance(1000);
    expect(station.isClosed).toBe(true);
  });

  test("is supplied in a ventilated place", () => {
    const station = new Station({ isVentilated: true });
    station.put(9000);
    station.authorize();
    station.clock.advance(2000);
    station.put(3000);
    station.clock.advance(1000);
    expect([station.isClosed, station.reported]).toEqual([true, []]);
  });
});

test("a station without inputs charges as soon as the vehicle requests energy", () => {
  const station = new Station({ pins: {}, hasProximity: false });
  station.put(9000);
  station.authorize();
  station.put(6000);
  expect([station.isClosed, station.dutyPermille]).toEqual([true, 533]);
});

test("a closed driver reads no input and changes no output", () => {
  const station = Station.charging();
  station.charging.close();
  const written = new Map(station.written);
  station.ohms = 0;
  station.clock.advance(2 * DAY_MS);
  expect([[...station.listeners.keys()], station.reported, station.written]).toEqual([[], [], written]);
});
