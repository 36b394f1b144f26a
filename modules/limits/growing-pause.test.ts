import { beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { GrowingPause } from "./index.js";

let clock: VirtualClock;
let pause: GrowingPause;

beforeEach(() => {
  clock = new VirtualClock();
  pause = new GrowingPause({ clock, allowed: 3 });
});

function fail(count: number): void {
  for (let i = 0; i < count; i++) pause.fail();
}

describe("GrowingPause", () => {
  test("pauses for 5 s after the allowed failures", () => {
    fail(2);
    expect([pause.isReached, pause.isPaused]).toEqual([false, false]);
    fail(1);
    expect([pause.isReached, pause.isPaused]).toEqual([true, true]);
    clock.advance(4999);
    expect(pause.isPaused).toBe(true);
    clock.advance(1);
    expect([pause.isReached, pause.isPaused]).toEqual([true, false]);
  });

  test.each([
    [1, 10_000],
    [5, 160_000],
    [6, 300_000],
    [2000, 300_000],
  ])("pauses longer after %d more: %d ms", (more, durationMs) => {
    fail(3 + more);
    clock.advance(durationMs - 1);
    expect(pause.isPaused).toBe(true);
    clock.advance(1);
    expect(pause.isPaused).toBe(false);
  });

  test("allows at most 7 failures more than the allowed ones in 14 minutes", () => {
    let failures = 0;
    for (let second = 0; second < 14 * 60; second++) {
      while (!pause.isPaused) {
        pause.fail();
        failures++;
      }
      clock.advance(1000);
    }
    expect(failures).toBe(3 + 7);
  });

  test("forgets the failures after an hour without one", () => {
    fail(5);
    clock.advance(60 * 60_000);
    fail(1);
    expect(pause.isReached).toBe(false);
  });
});
