/** Tests of the driver: how vehicles behave, and the times that it gives them. */

import { describe, expect, test } from "@jest/globals";
import { Bench, GRANT, MIN_OFF_MS, SETTLED_MS } from "../../host-tests/suites/units/charging-bench.js";

/** Time for a vehicle to leave C after the offer was withdrawn, and to return after it has left, ms. */
const STOP_MS = 3000;

describe("a soft stop", () => {
  test.each<[string, (bench: Bench) => void, string]>([
    ["a stop", (bench) => bench.charging.stop(), "finishing"],
    ["a limit of 0 A", (bench) => bench.charging.setLimit(0), "suspended-by-station"],
  ])(
    "by %s opens the contactor of a vehicle that stays in C after 3 s, and reports that",
    (_name, happens, status) => {
      const bench = Bench.charging();
      happens(bench);
      bench.clock.advance(STOP_MS - 1);
      expect([bench.isClosed, bench.charging.status, bench.reported]).toEqual([true, "charging", []]);
      bench.clock.advance(1);
      expect([bench.isClosed, bench.charging.status, bench.reported]).toEqual([
        false,
        status,
        ["stop-ignored"],
      ]);
    },
  );

  test("that the vehicle obeys is not reported, and the lease is renewed until then", () => {
    const bench = Bench.charging();
    bench.charging.stop();
    bench.clock.advance(1500);
    expect(bench.renewals).toBe(3);
    bench.put(9000);
    bench.clock.advance(STOP_MS);
    expect([bench.isClosed, bench.reported, bench.renewals]).toEqual([false, [], 3]);
    expect(bench.statuses).toEqual(["plugged", "authorized", "charging", "finishing"]);
  });

  test.each<[string, (bench: Bench) => void]>([
    ["a pilot without a vehicle", (bench) => bench.put(12_000)],
    ["a shorted pilot", (bench) => bench.put(0)],
    ["a negative pilot", (bench) => bench.put(-12_000)],
    ["a residual current", (bench) => bench.openByGuard("residual-current")],
    ["an abort", (bench) => bench.charging.abort()],
    ["the guard, for its lease", (bench) => bench.openByGuard("lease")],
  ])("is ended at once by %s", (_name, happens) => {
    const bench = Bench.charging();
    bench.charging.stop();
    happens(bench);
    expect(bench.isClosed).toBe(false);
  });

  test("by a stop during a pause keeps the time of the pause", () => {
    const bench = Bench.charging();
    bench.charging.setLimit(0);
    bench.clock.advance(STOP_MS - 1);
    bench.charging.stop();
    bench.clock.advance(1);
    expect([bench.isClosed, bench.charging.status]).toEqual([false, "finishing"]);
  });
});

describe("a pause", () => {
  test("keeps the session, which continues after it under a square wave", () => {
    const bench = Bench.charging();
    const id = bench.charging.session?.id;
    bench.charging.setLimit(0);
    bench.put(9000);
    bench.put(6000);
    bench.clock.advance(60_000);
    expect([bench.isClosed, bench.charging.status]).toEqual([false, "suspended-by-station"]);
    bench.charging.setLimit(32);
    expect(bench.charging.status).toBe("suspended-by-vehicle");
    bench.clock.advance(SETTLED_MS);
    expect([bench.isClosed, bench.charging.session?.id]).toEqual([true, id]);
    expect(bench.events).toEqual(["duty 1000", "contactor 0", "duty 266", "contactor 1"]);
  });

  test("withholds the offer from an authorized vehicle", () => {
    const bench = new Bench();
    bench.charging.setLimit(0);
    bench.authorize();
    bench.put(6000);
    expect([bench.charging.status, bench.events]).toEqual(["authorized", ["lock 1"]]);
    bench.charging.setLimit(32);
    bench.clock.advance(SETTLED_MS);
    expect(bench.isClosed).toBe(true);
  });

  test("that ends within the time to stop leaves an obedient vehicle its session", () => {
    const bench = Bench.charging();
    bench.charging.setLimit(0);
    bench.charging.setLimit(32);
    bench.put(9000);
    bench.put(6000);
    bench.clock.advance(MIN_OFF_MS);
    expect([bench.isClosed, bench.ends]).toEqual([true, []]);
  });

  test("is no longer possible after the end", () => {
    const bench = Bench.charging();
    bench.charging.close();
    bench.events.length = 0;
    bench.charging.setLimit(0);
    expect(bench.events).toEqual([]);
  });
});

describe("a vehicle that leaves", () => {
  test.each([60, 250, 500, 2900])(
    "for %d ms opens the contactor at once, and its session continues",
    (awayMs) => {
      const bench = Bench.charging();
      const id = bench.charging.session?.id;
      bench.put(12_000);
      expect([bench.isClosed, bench.charging.status]).toEqual([false, "suspended-by-vehicle"]);
      bench.clock.advance(awayMs - SETTLED_MS);
      bench.put(6000);
      bench.clock.advance(MIN_OFF_MS);
      expect([bench.isClosed, bench.charging.session?.id, bench.ends]).toEqual([true, id, []]);
    },
  );

  test("for 25 ms is not noticed", () => {
    const bench = Bench.charging();
    bench.highMv = 12_000;
    bench.notify();
    bench.clock.advance(25);
    bench.put(6000);
    expect(bench.events).toEqual([]);
  });

  test("and does not return ends its session after 3 s, with the time at which it left", () => {
    const bench = Bench.charging();
    bench.put(12_000);
    const leftMs = bench.clock.monotonicMs();
    bench.clock.advance(STOP_MS - SETTLED_MS);
    expect(bench.ends).toEqual([]);
    bench.clock.advance(SETTLED_MS);
    expect(bench.charging.status).toBe("available");
    expect(bench.ends).toMatchObject([{ why: "unplugged" }]);
    expect(leftMs - (bench.ends[0]?.endedMs ?? 0)).toBeLessThanOrEqual(SETTLED_MS);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
  });

  test("and returns after 3 s needs another authorization", () => {
    const bench = Bench.charging();
    bench.put(12_000);
    bench.clock.advance(STOP_MS);
    bench.put(6000);
    bench.clock.advance(MIN_OFF_MS);
    expect([bench.isClosed, bench.charging.status]).toEqual([false, "plugged"]);
  });

  test("is stopped at once, and its session ends with the time at which it left", () => {
    const bench = Bench.charging();
    bench.put(12_000);
    const leftMs = bench.clock.monotonicMs();
    bench.clock.advance(1000);
    bench.charging.stop();
    expect(bench.charging.status).toBe("available");
    expect(bench.ends).toMatchObject([{ why: "unplugged" }]);
    expect(bench.ends[0]?.endedMs).toBeLessThanOrEqual(leftMs);
  });
});

describe("an authorization", () => {
  test("lasts while the vehicle stays plugged in", () => {
    const bench = new Bench();
    bench.authorize();
    bench.clock.advance(8 * 60 * 60_000);
    expect(bench.charging.status).toBe("authorized");
    bench.put(6000);
    expect(bench.isClosed).toBe(true);
  });

  test("expires after the set time, also if it is set later, and a running session does not", () => {
    const bench = new Bench();
    bench.authorize();
    bench.clock.advance(60_000);
    bench.charging.setAuthorizationTime(90_000);
    bench.charging.setAuthorizationTime(90_000);
    bench.clock.advance(89_999);
    expect(bench.charging.status).toBe("authorized");
    bench.clock.advance(1);
    expect(bench.charging.status).toBe("plugged");
    bench.authorize();
    bench.put(6000);
    bench.clock.advance(600_000);
    expect(bench.charging.status).toBe("charging");
  });

  test("does not expire when its time is removed, or when it is open-ended", () => {
    const bench = new Bench();
    bench.charging.setAuthorizationTime(90_000);
    bench.authorize();
    bench.charging.setAuthorizationTime(0);
    bench.clock.advance(600_000);
    expect(bench.charging.status).toBe("authorized");
    bench.charging.setAuthorizationTime(90_000);
    bench.charging.stop();
    bench.charging.admit()?.authorize({ ...GRANT, isOpenEnded: true });
    bench.clock.advance(600_000);
    expect(bench.charging.status).toBe("authorized");
  });

  test("of a stopped vehicle begins another session, and one from before the stop does not", () => {
    const bench = Bench.charging();
    bench.charging.stop();
    expect(bench.charging.admit()).toBeUndefined();
    bench.put(9000);
    const before = bench.charging.admit();
    bench.charging.stop();
    expect(before?.authorize(GRANT)).toBe(false);
    expect(bench.authorize()).toBe(true);
    expect(bench.authorize()).toBe(false);
    bench.put(6000);
    bench.clock.advance(MIN_OFF_MS);
    expect(bench.isClosed).toBe(true);
    expect(bench.ends).toMatchObject([{ why: "stopped" }]);
  });

  test("that was admitted twice is given once", () => {
    const bench = new Bench();
    const [first, second] = [bench.charging.admit(), bench.charging.admit()];
    expect([first?.authorize(GRANT), second?.authorize(GRANT)]).toEqual([true, false]);
  });
});

test("the age of a session begins with it, and not with its authorization", () => {
  const bench = new Bench();
  bench.authorize();
  bench.clock.advance(60_000);
  bench.put(6000);
  bench.clock.advance(5000);
  expect(bench.charging.sessionAgeMs).toBeLessThanOrEqual(5000 + SETTLED_MS);
  bench.put(9000);
  bench.put(6000);
  bench.clock.advance(5000);
  expect(bench.charging.sessionAgeMs).toBeGreaterThanOrEqual(10_000);
});

describe("waking up", () => {
  /** Time after an offer in which an awake vehicle requests energy, ms. */
  const AFTER_MS = 30_000;
  /** Duration of -12 V, ms. */
  const WAKE_UP_MS = 3000;

  function offered(): Bench {
    const bench = new Bench();
    bench.charging.setWakeUp(true);
    bench.authorize();
    bench.events.length = 0;
    return bench;
  }

  test("is off by default", () => {
    const bench = new Bench();
    bench.authorize();
    bench.clock.advance(10 * AFTER_MS);
    expect(bench.events).toEqual(["duty 266", "lock 1"]);
  });

  test("puts the pilot to -12 V for 3 s, once, when a vehicle stays in B for 30 s after an offer", () => {
    const bench = offered();
    bench.clock.advance(AFTER_MS - 1);
    expect(bench.events).toEqual([]);
    bench.clock.advance(1);
    expect(bench.events).toEqual(["duty 0"]);
    bench.notify();
    bench.clock.advance(WAKE_UP_MS - 1);
    expect(bench.events).toEqual(["duty 0"]);
    bench.clock.advance(1);
    expect(bench.events).toEqual(["duty 0", "duty 266"]);
    bench.clock.advance(10 * AFTER_MS);
    expect([bench.events, bench.charging.status]).toEqual([["duty 0", "duty 266"], "authorized"]);
    bench.put(6000);
    expect(bench.isClosed).toBe(true);
  });

  test("is repeated after a pause", () => {
    const bench = offered();
    bench.clock.advance(AFTER_MS + WAKE_UP_MS);
    bench.charging.setLimit(0);
    bench.charging.setLimit(32);
    bench.clock.advance(AFTER_MS);
    expect(bench.events).toEqual(["duty 0", "duty 266", "duty 1000", "duty 266", "duty 0"]);
  });

  test.each<[string, (bench: Bench) => void]>([
    ["requests energy", (bench) => bench.put(6000)],
    ["leaves", (bench) => bench.put(12_000)],
    ["is stopped", (bench) => bench.charging.stop()],
    ["is at a station that ends", (bench) => bench.charging.close()],
  ])("spares a vehicle that %s", (_name, happens) => {
    const bench = offered();
    bench.clock.advance(AFTER_MS - 1000);
    happens(bench);
    bench.clock.advance(AFTER_MS);
    expect(bench.events).not.toContain("duty 0");
  });

  test("ends with the offer, and a changed offer waits for its end", () => {
    const bench = offered();
    bench.clock.advance(AFTER_MS);
    bench.charging.setLimit(10);
    expect(bench.events).toEqual(["duty 0"]);
    bench.charging.stop();
    bench.clock.advance(WAKE_UP_MS);
    expect(bench.events).toEqual(["duty 0", "duty 1000", "lock 0"]);
    expect(bench.charging.status).toBe("plugged");
  });

  test("notices a vehicle that has left during it, 3 s later at most", () => {
    const bench = offered();
    bench.clock.advance(AFTER_MS);
    bench.put(12_000);
    expect(bench.charging.status).toBe("authorized");
    bench.clock.advance(WAKE_UP_MS);
    expect(bench.charging.status).toBe("available");
  });
});

describe("a pilot that bounces", () => {
  function bounce(bench: Bench, levelsMv: readonly number[], count: number): void {
    for (let i = 0; i < count; i++) {
      bench.highMv = levelsMv[i % levelsMv.length] ?? 0;
      bench.notify();
      bench.clock.advance(15);
    }
  }

  test("outside C and D opens the contactor within 80 ms, and not before 60 ms", () => {
    const bench = Bench.charging();
    bounce(bench, [9000, 12_000], 4);
    expect(bench.isClosed).toBe(true);
    bounce(bench, [9000, 12_000], 1);
    expect([bench.isClosed, bench.charging.status]).toEqual([false, "suspended-by-vehicle"]);
    bench.put(6000);
    bench.clock.advance(MIN_OFF_MS);
    expect(bench.isClosed).toBe(true);
  });

  test("between C and D, or out of them for a moment, keeps it closed", () => {
    const bench = Bench.charging();
    bounce(bench, [6000, 3000], 20);
    bench.put(6000);
    bounce(bench, [9000], 1);
    bench.put(6000);
    bench.clock.advance(1000);
    expect(bench.events).toEqual([]);
  });
});
