import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Bench } from "../../host-tests/suites/units/charging-bench.js";
import { OffTime } from "./off-time.js";

const HOUR_MS = 60 * 60_000;
const MINUTE_MS = 60_000;
/** Highest number of closings in an hour. */
const MAX_CLOSINGS = 45;

/** Returns the off times of openings, each `closedMs` after the previous off time. */
function offTimes(count: number, closedMs: number): number[] {
  const offTime = new OffTime();
  let nowMs = 0;
  return Array.from({ length: count }, () => {
    nowMs += closedMs;
    const offMs = offTime.open(nowMs);
    nowMs += offMs;
    return offMs;
  });
}

describe("OffTime", () => {
  test("is 2 s for eight openings in a row, then doubles with each, up to 5 min", () => {
    const offTime = new OffTime();
    const seconds = Array.from({ length: 20 }, () => Math.round(offTime.open(0) / 1000));
    expect(seconds).toEqual([...Array(8).fill(2), 4, 8, 16, 32, 64, 128, 256, ...Array(5).fill(300)]);
  });

  test("forgets one opening in two minutes", () => {
    const offTime = new OffTime();
    for (let i = 0; i < 10; i++) offTime.open(0);
    expect(offTime.open(2 * MINUTE_MS)).toBe(8000);
    expect(offTime.open(10 * MINUTE_MS)).toBe(2000);
    expect(offTimes(100, 2 * MINUTE_MS)).toEqual(Array(100).fill(2000));
  });

  test("is normal again after a quarter of an hour of calm, and not shorter after a day", () => {
    const offTime = new OffTime();
    for (let i = 0; i < 12; i++) offTime.open(0);
    expect(offTime.open(15 * MINUTE_MS)).toBe(2000);
    for (let i = 0; i < 7; i++) expect(offTime.open(24 * HOUR_MS)).toBe(2000);
    offTime.open(24 * HOUR_MS);
    expect(offTime.open(24 * HOUR_MS)).toBe(4000);
  });

  test("reports its fault at the twelfth opening in a row, once, and again after calm", () => {
    const offTime = new OffTime();
    const faults = (count: number, atMs: number) =>
      Array.from({ length: count }, () => {
        offTime.open(atMs);
        return [offTime.takeFault(), offTime.takeFault()];
      }).flatMap(([first, second], i) => (first ? [`${i + 1} ${second}`] : []));
    expect(faults(20, 0)).toEqual(["12 false"]);
    expect(faults(5, MINUTE_MS)).toEqual([]);
    expect(faults(12, HOUR_MS)).toEqual(["12 false"]);
  });

  test("allows at most 45 closings in any hour, whatever the times between them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 20 * MINUTE_MS })), {
          minLength: 50,
          maxLength: 300,
        }),
        (closedForMs) => {
          const offTime = new OffTime();
          const closedAtMs: number[] = [];
          let nowMs = 0;
          for (const durationMs of closedForMs) {
            closedAtMs.push(nowMs);
            nowMs += durationMs;
            nowMs += offTime.open(nowMs);
          }
          closedAtMs.forEach((atMs, i) => {
            const next = closedAtMs[i + MAX_CLOSINGS];
            if (next !== undefined) expect(next - atMs).toBeGreaterThan(HOUR_MS);
          });
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe("a vehicle between B and C every 3 s", () => {
  test("gets growing pauses, then one fault, and is charged as before after calm", () => {
    const bench = Bench.charging();
    for (let i = 0; i < 600; i++) {
      bench.put(9000);
      bench.clock.advance(3000);
      bench.put(6000);
      bench.clock.advance(3000);
    }
    expect(bench.reported).toEqual(["contactor-wear"]);
    expect(bench.closings).toBeGreaterThan(12);
    expect(bench.closings).toBeLessThanOrEqual(MAX_CLOSINGS);
    bench.clock.advance(20 * MINUTE_MS);
    expect(bench.isClosed).toBe(true);
    bench.put(9000);
    bench.put(6000);
    bench.clock.advance(2000);
    expect(bench.isClosed).toBe(true);
  });

  test("has no offer during a grown pause, which is the station's", () => {
    const bench = Bench.charging();
    for (let i = 0; i < 8; i++) {
      bench.put(9000);
      bench.clock.advance(2000);
      bench.put(6000);
    }
    bench.events.length = 0;
    bench.put(9000);
    expect(bench.events).toEqual(["contactor 0", "duty 1000"]);
    expect(bench.charging.status).toBe("suspended-by-station");
    bench.put(6000);
    bench.clock.advance(2000);
    expect(bench.isClosed).toBe(false);
    bench.clock.advance(4000);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "duty 266", "contactor 1"]);
    expect(bench.statuses.slice(-2)).toEqual(["suspended-by-vehicle", "charging"]);
  });

  test("that also leaves for a moment or is paused is bounded by the same number", () => {
    const bench = Bench.charging();
    for (let i = 0; i < 300; i++) {
      bench.put(i % 3 === 0 ? 12_000 : 9000);
      bench.clock.advance(1000);
      bench.put(6000);
      bench.clock.advance(2500);
      if (i % 3 !== 1) continue;
      bench.charging.setLimit(0);
      bench.clock.advance(4000);
      bench.charging.setLimit(32);
    }
    expect(bench.closings).toBeLessThanOrEqual(MAX_CLOSINGS);
  });
});
