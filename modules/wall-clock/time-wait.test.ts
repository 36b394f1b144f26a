import { beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { TimeWait } from "./index.js";

const LIMIT_MS = 20_000;
const NOW_MS = 1_800_000_000_000;

describe("TimeWait", () => {
  let clock: VirtualClock;
  let results: boolean[];
  const wait = () => new TimeWait(clock, (isKnown) => results.push(isKnown));

  beforeEach(() => {
    clock = new VirtualClock();
    results = [];
  });

  test("ends during the constructor if the time is known", () => {
    clock.setEpochMs(NOW_MS);
    wait();
    expect(results).toEqual([true]);
    expect(clock.pending).toBe(0);
  });

  test("ends within a second after the time has become known", () => {
    wait();
    clock.advance(7000);
    expect(results).toEqual([]);
    clock.setEpochMs(NOW_MS);
    clock.advance(1000);
    expect(results).toEqual([true]);
  });

  test("ends once with false after the limit", () => {
    wait();
    clock.advance(LIMIT_MS - 1);
    expect(results).toEqual([]);
    clock.advance(LIMIT_MS);
    expect(results).toEqual([false]);
  });

  test("does not call back after close", () => {
    wait().close();
    clock.advance(2 * LIMIT_MS);
    expect(results).toEqual([]);
  });
});
