import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../virtual/world/clock.js";
import { Random } from "../../virtual/world/random.js";

describe("virtual time", () => {
  test("passes only when it is told to, and then at once", () => {
    const clock = new VirtualClock();
    expect(clock.monotonicMs()).toBe(0);
    clock.advance(86_400_000);
    expect(clock.monotonicMs()).toBe(86_400_000);
  });

  test("every callback comes in its time, and in the order of setting within the same", () => {
    const seed = 419;
    const random = new Random(seed);
    const clock = new VirtualClock();
    const set: { dueMs: number; order: number }[] = [];
    const came: { dueMs: number; order: number }[] = [];
    const add = () => {
      const delayMs = random.int(50);
      const entry = { dueMs: clock.monotonicMs() + delayMs, order: set.length };
      set.push(entry);
      clock.set(() => {
        expect(clock.monotonicMs()).toBe(entry.dueMs);
        came.push(entry);
        if (set.length < 2000) add();
      }, delayMs);
    };
    for (let i = 0; i < 500; i++) add();
    clock.advance(10_000);
    const sorted = [...set].sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
    expect({ seed, came }).toEqual({ seed, came: sorted });
    expect(set.length).toBeGreaterThanOrEqual(2000);
  });

  test("advancing stops at its end, with what falls due then done", () => {
    const clock = new VirtualClock();
    const came: string[] = [];
    clock.set(() => came.push("then"), 100);
    clock.set(() => came.push("later"), 101);
    clock.advance(100);
    expect(came).toEqual(["then"]);
    expect(clock.monotonicMs()).toBe(100);
  });

  test("runUntil stops at the moment when the condition holds", () => {
    const clock = new VirtualClock();
    let beats = 0;
    clock.repeat(() => beats++, 10);
    expect(clock.runUntil(() => beats === 3, 1000)).toBe(true);
    expect(clock.monotonicMs()).toBe(30);
  });

  test("runUntil gives up at its limit", () => {
    const clock = new VirtualClock();
    clock.set(() => {}, 5000);
    expect(clock.runUntil(() => false, 1000)).toBe(false);
    expect(clock.monotonicMs()).toBe(1000);
  });

  test("a repeating timer keeps its beat, whatever its callback sets", () => {
    const clock = new VirtualClock();
    const beats: number[] = [];
    clock.repeat(() => {
      clock.set(() => {}, 7);
      beats.push(clock.monotonicMs());
    }, 20);
    clock.advance(60);
    expect(beats).toEqual([20, 40, 60]);
  });

  test("the time of day is unknown until it is set, and goes on from there", () => {
    const clock = new VirtualClock();
    clock.advance(500);
    expect(clock.epochMs()).toBeUndefined();
    clock.setEpochMs(1_700_000_000_000);
    clock.advance(500);
    expect(clock.epochMs()).toBe(1_700_000_000_500);
    clock.setEpochMs(undefined);
    expect(clock.epochMs()).toBeUndefined();
    expect(clock.monotonicMs()).toBe(1000);
    expect(new VirtualClock({ epochAtStartMs: 5 }).epochMs()).toBe(5);
  });

  test("a jump of the time of day moves no timer", () => {
    const clock = new VirtualClock({ epochAtStartMs: 0 });
    let isDue = false;
    clock.set(() => {
      isDue = true;
    }, 100);
    clock.setEpochMs(1_700_000_000_000);
    clock.advance(99);
    expect(isDue).toBe(false);
    clock.advance(1);
    expect(isDue).toBe(true);
  });
});
