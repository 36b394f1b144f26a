import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { AttemptLimiter } from "./index.js";

const MINUTE_MS = 60_000;

function makeLimiter(count: number) {
  const clock = new VirtualClock();
  return { clock, limiter: new AttemptLimiter({ clock, count, windowMs: MINUTE_MS }) };
}

describe("AttemptLimiter", () => {
  test("allows as many attempts as its count, and refuses the next", () => {
    const { limiter } = makeLimiter(3);
    expect([limiter.take(), limiter.take(), limiter.take()]).toEqual([true, true, true]);
    expect(limiter.take()).toBe(false);
  });

  test("allows an attempt again once a whole window has passed since the oldest", () => {
    const { clock, limiter } = makeLimiter(2);
    limiter.take();
    clock.advance(10_000);
    limiter.take();
    clock.advance(MINUTE_MS - 10_001);
    expect(limiter.take()).toBe(false);
    clock.advance(1);
    expect(limiter.take()).toBe(true);
    expect(limiter.take()).toBe(false);
  });

  test("returns the time until the next attempt, which does not count as one", () => {
    const { clock, limiter } = makeLimiter(2);
    expect(limiter.waitMs).toBe(0);
    limiter.take();
    clock.advance(10_000);
    limiter.take();
    expect([limiter.waitMs, limiter.waitMs]).toEqual([MINUTE_MS - 10_000, MINUTE_MS - 10_000]);
    clock.advance(MINUTE_MS - 10_001);
    expect(limiter.waitMs).toBe(1);
    clock.advance(1);
    expect(limiter.waitMs).toBe(0);
  });

  test("never waits for less than 1 ms, which a timer could round to nothing", () => {
    const { clock, limiter } = makeLimiter(1);
    limiter.take();
    clock.advance(MINUTE_MS - 0.000_001);
    expect(limiter.waitMs).toBe(1);
  });

  test("does not count refused attempts, so they do not prolong the wait", () => {
    const { clock, limiter } = makeLimiter(1);
    limiter.take();
    for (let i = 0; i < 59; i++) {
      clock.advance(1000);
      expect(limiter.take()).toBe(false);
    }
    clock.advance(1000);
    expect(limiter.take()).toBe(true);
  });

  test("with a count of 0 refuses every attempt", () => {
    const { clock, limiter } = makeLimiter(0);
    expect(limiter.take()).toBe(false);
    clock.advance(MINUTE_MS);
    expect(limiter.take()).toBe(false);
  });

  test("allows no more than its count in any window, at any pace", () => {
    const { clock, limiter } = makeLimiter(6);
    const taken: number[] = [];
    for (let i = 0; i < 500; i++) {
      clock.advance((i * 7919) % 13_000);
      if (limiter.take()) taken.push(clock.monotonicMs());
    }
    expect(taken.length).toBeGreaterThan(50);
    for (const [i, moment] of taken.entries()) {
      const seventh = taken[i + 6];
      if (seventh !== undefined) expect(seventh - moment).toBeGreaterThanOrEqual(MINUTE_MS);
    }
  });
});
