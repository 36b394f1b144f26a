import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../virtual/world/clock.js";
import { Random } from "../../virtual/world/random.js";

describe("virtual time", () => {
  test("passes only by advance, and immediately", () => {
    const clock = new VirtualClock();
    expect(clock.monotonicMs()).toBe(0);
    clock.advance(86_400_000);
    expect(clock.monotonicMs()).toBe(86_400_000);
  });

  test("calls each callback at its time, in the order of setting within the same millisecond", () => {
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

  test("stops advancing at the end, after the callbacks that are due then", () => {
    const clock = new VirtualClock();
    const came: string[] = [];
    clock.set(() => came.push("then"), 100);
    clock.set(() => came.push("later"), 101);
    clock.advance(100);
    expect(came).toEqual(["then"]);
    expect(clock.monotonicMs()).toBe(100);
  });

  test("stops runUntil at the moment when the condition holds", () => {
    const clock = new VirtualClock();
    let beats = 0;
    clock.repeat(() => beats++, 10);
    expect(clock.runUntil(() => beats === 3, 1000)).toBe(true);
    expect(clock.monotonicMs()).toBe(30);
  });

  test("stops runUntil at its limit", () => {
    const clock = new VirtualClock();
    clock.set(() => {}, 5000);
    expect(clock.runUntil(() => false, 1000)).toBe(false);
    expect(clock.monotonicMs()).toBe(1000);
  });

  test("keeps the period of a repeating timer, whatever its callback sets", () => {
    const clock = new VirtualClock();
    const beats: number[] = [];
    clock.repeat(() => {
      clock.set(() => {}, 7);
      beats.push(clock.monotonicMs());
    }, 20);
    clock.advance(60);
    expect(beats).toEqual([20, 40, 60]);
  });

  test("has an unknown time of day until it is set, which then advances", () => {
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

  test("moves no timer when the time of day jumps", () => {
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
