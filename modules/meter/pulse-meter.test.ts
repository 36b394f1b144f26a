import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Board } from "../board/index.js";
import { PulseMeter } from "./index.js";

function metered(options: { pulsesPerKWh?: number; startWh?: number } = {}) {
  const clock = new VirtualClock();
  let count = 0;
  let changes = 0;
  let onReadable: (() => void) | undefined;
  class Counter {
    constructor(counter: { onReadable?(): void }) {
      onReadable = counter.onReadable;
    }
    read(): number {
      return count;
    }
    close(): void {}
  }
  const board = { clock, pins: { meter: 1 }, io: { PulseCount: Counter } } as unknown as Board;
  const { pulsesPerKWh = 1000, startWh = 0 } = options;
  const meter = new PulseMeter({ board, pulsesPerKWh, startWh, onChanged: () => changes++ });
  return {
    clock,
    meter,
    count: (pulses: number) => {
      count = pulses;
      onReadable?.();
    },
    changes: () => changes,
  };
}

describe("PulseMeter.energyWh", () => {
  test.each([
    [1000, 7, 7],
    [800, 8, 10],
    [2000, 7, 3],
  ])("with %d imp/kWh counts %d pulses as %d Wh", (pulsesPerKWh, pulses, energyWh) => {
    const { meter, count } = metered({ pulsesPerKWh });
    count(pulses);
    expect(meter.energyWh).toBe(energyWh);
  });

  test("continues from the start reading and never decreases", () => {
    const { meter, count, changes } = metered({ startWh: 500 });
    count(10);
    count(3);
    expect(meter.energyWh).toBe(510);
    expect(changes()).toBe(1);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("ignores a counter value of %d", (pulses) => {
    const { meter, count } = metered();
    count(5);
    count(pulses);
    expect(meter.energyWh).toBe(5);
    count(7);
    expect(meter.energyWh).toBe(7);
  });

  test("stays constant without a meter", () => {
    const board = { clock: new VirtualClock(), pins: {}, io: {} } as unknown as Board;
    const meter = new PulseMeter({ board, pulsesPerKWh: 1000, startWh: 5, onChanged: () => {} });
    expect([meter.isThere, meter.energyWh, meter.powerW]).toEqual([false, 5, 0]);
  });
});

describe("PulseMeter.powerW", () => {
  test("is measured over several seconds of pulses", () => {
    const { clock, meter, count } = metered();
    for (let pulse = 1; pulse <= 60; pulse++) {
      clock.advance(327);
      count(pulse);
    }
    expect(meter.powerW).toBeGreaterThan(10_900);
    expect(meter.powerW).toBeLessThan(11_100);
  });

  test("decays without pulses and starts a new measurement after a silence", () => {
    const { clock, meter, count } = metered();
    for (let pulse = 1; pulse <= 60; pulse++) {
      clock.advance(327);
      count(pulse);
    }
    clock.advance(36_000);
    expect(meter.powerW).toBe(100);
    clock.advance(3_600_000);
    expect(meter.powerW).toBe(1);
    count(61);
    expect(meter.powerW).toBe(0);
  });
});
