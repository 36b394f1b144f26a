/** The engine's side of the guard, over a fake of guard.c. */

import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";
import type { OpeningReason } from "../../../modules/board/index.js";
import { hardware } from "./pins.js";

let calls: string[] = [];
let isChanged = 0;
let kept = 0;
let residualCurrent = 0;
const LEVELS_MV = [6000, -12_000];

jest.unstable_mockModule("./guard/native.js", () => ({
  start: (wiring: readonly number[]) => calls.push(`start ${wiring.join(" ")}`),
  request: (value: number) => calls.push(`request ${value}`),
  renew: () => calls.push("renew"),
  acknowledge: () => calls.push("acknowledge"),
  test: (value: number) => calls.push(`test ${value}`),
  residualCurrent: () => residualCurrent,
  offer: (dutyPermille: number) => calls.push(`offer ${dutyPermille}`),
  poll: () => isChanged,
  level: (which: number) => LEVELS_MV[which],
  takeReason: () => {
    const reason = kept;
    kept = 0;
    return reason;
  },
}));

const { ChipContactor, ChipControlPilot, ChipGuard } = await import("./contactor.js");

describe("the guard on the chip", () => {
  let clock: VirtualClock;
  let guard: InstanceType<typeof ChipGuard>;

  beforeEach(() => {
    clock = new VirtualClock();
    calls = [];
    isChanged = 0;
    kept = 0;
    const wired = { ...hardware, contactorFeedbackPin: 27, shuntTripPin: 23 };
    const onAnalog = () => calls.push("analog");
    guard = new ChipGuard({ hardware: wired, clock, onAnalog });
  });

  test("starts once, with the wiring of its pins and -1 for those that are not wired", () => {
    new ChipContactor({ pin: 26 }, guard);
    new ChipControlPilot({ pin: 25 }, guard);
    expect(calls).toEqual(["analog", "start 25 34 1250 11300 26 27 -1 -1 23 0"]);
  });

  test("gets the requests of the contactor until it is closed, which opens it", () => {
    const contactor = new ChipContactor({ pin: 26 }, guard);
    calls = [];
    contactor.write(1);
    contactor.renew();
    contactor.write(0);
    contactor.acknowledge();
    contactor.close();
    contactor.close();
    expect(calls).toEqual(["request 1", "renew", "request 0", "acknowledge", "request 0"]);
    expect(() => contactor.write(1)).toThrow("closed");
    expect(() => contactor.renew()).toThrow("closed");
    expect(() => contactor.acknowledge()).toThrow("closed");
  });

  test("tests the residual current device", () => {
    const contactor = new ChipContactor({ pin: 26 }, guard);
    calls = [];
    contactor.test(1);
    residualCurrent = 1;
    expect(contactor.hasResidualCurrent).toBe(true);
    residualCurrent = 0;
    expect(contactor.hasResidualCurrent).toBe(false);
    contactor.test(0);
    expect(calls).toEqual(["test 1", "test 0"]);
    contactor.close();
    expect(() => contactor.test(1)).toThrow("closed");
  });

  test("reports each reason once, also one of the previous run, and none after the contactor's end", () => {
    const reasons: OpeningReason[] = [];
    kept = 2;
    const contactor = new ChipContactor({ pin: 26, onOpened: (reason) => reasons.push(reason) }, guard);
    clock.advance(100);
    kept = 5;
    clock.advance(100);
    expect(reasons).toEqual(["lease", "welded"]);
    contactor.close();
    kept = 1;
    clock.advance(100);
    expect([reasons.length, kept]).toEqual([2, 1]);
  });

  test("measures and generates the pilot", () => {
    let changes = 0;
    const pilot = new ChipControlPilot({ pin: 25, onReadable: () => changes++ }, guard);
    calls = [];
    expect(pilot.read()).toEqual({ highMv: 6000, lowMv: -12_000 });
    clock.advance(100);
    expect(changes).toBe(0);
    isChanged = 1;
    clock.advance(50);
    expect(changes).toBe(1);
    pilot.write(266);
    for (const duty of [-1, 1001, Number.NaN]) expect(() => pilot.write(duty)).toThrow(RangeError);
    pilot.close();
    pilot.close();
    clock.advance(100);
    expect(calls).toEqual(["offer 266", "offer 1000"]);
    expect(changes).toBe(1);
    expect(() => pilot.read()).toThrow("closed");
    expect(() => pilot.write(1)).toThrow("closed");
  });

  test("has one contactor and one pilot at a time", () => {
    const contactor = new ChipContactor({ pin: 26 }, guard);
    const pilot = new ChipControlPilot({ pin: 25 }, guard);
    expect(() => new ChipContactor({ pin: 26 }, guard)).toThrow("in use");
    expect(() => new ChipControlPilot({ pin: 25 }, guard)).toThrow("in use");
    contactor.close();
    pilot.close();
    expect(() => new ChipContactor({ pin: 26 }, guard)).not.toThrow();
    expect(() => new ChipControlPilot({ pin: 25 }, guard)).not.toThrow();
  });
});
