/** Tests of the driver: feedback contact, lock, events and the end. */

import { describe, expect, test } from "@jest/globals";
import { Bench, GRANT, MIN_OFF_MS, SETTLED_MS } from "../../host-tests/suites/units/charging-bench.js";

/** Time for the feedback contact to match a command, ms. */
const FEEDBACK_MS = 200;

describe("the feedback contact", () => {
  test("that reports a closed contactor 200 ms after the command to open it faults the station, which keeps its lock", () => {
    const bench = Bench.charging({ hasFeedback: true });
    bench.isWelded = true;
    bench.charging.abort();
    bench.clock.advance(FEEDBACK_MS - 1);
    expect([bench.charging.status, bench.events]).toEqual(["finishing", ["contactor 0", "duty 1000"]]);
    bench.clock.advance(1);
    expect([bench.charging.status, bench.reported]).toEqual(["faulted", ["contactor-welded"]]);
    bench.put(12_000);
    expect([bench.charging.status, bench.events]).toEqual(["faulted", ["contactor 0", "duty 1000"]]);
    bench.isWelded = false;
    bench.notifyFeedback();
    bench.clock.advance(FEEDBACK_MS);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
    expect(bench.charging.status).toBe("faulted");
    bench.clock.advance(SETTLED_MS);
    expect([bench.charging.status, bench.reported]).toEqual(["available", ["contactor-welded"]]);
  });

  test("that matches unlocks the plug 200 ms after the command to open", () => {
    const bench = Bench.charging({ hasFeedback: true });
    bench.clock.advance(1000);
    bench.charging.abort();
    bench.clock.advance(FEEDBACK_MS - 1);
    expect(bench.events).toEqual(["contactor 0", "duty 1000"]);
    bench.clock.advance(1);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
    expect([bench.charging.status, bench.reported]).toEqual(["finishing", []]);
  });

  test("that reports a closed contactor while the station is idle faults it", () => {
    const bench = new Bench({ hasFeedback: true });
    bench.isWelded = true;
    bench.notifyFeedback();
    bench.clock.advance(FEEDBACK_MS);
    expect([bench.charging.status, bench.events]).toEqual(["faulted", ["lock 1"]]);
  });

  test("that is closed while the contactor is commanded closed is no fault", () => {
    const bench = Bench.charging({ hasFeedback: true });
    bench.isWelded = true;
    bench.notifyFeedback();
    bench.clock.advance(FEEDBACK_MS);
    expect(bench.charging.status).toBe("charging");
  });

  test("keeps the lock after a fault of the guard until it was read", () => {
    const bench = Bench.charging({ hasFeedback: true });
    bench.clock.advance(1000);
    bench.isWelded = true;
    bench.openByGuard("welded");
    bench.clock.advance(FEEDBACK_MS);
    expect(bench.events).not.toContain("lock 0");
  });

  test("is read again after a repeated fault of the guard, and not after an opening for the pilot", () => {
    const bench = new Bench({ hasFeedback: true });
    bench.clock.advance(1000);
    bench.isWelded = true;
    bench.openByGuard("pilot");
    bench.clock.advance(FEEDBACK_MS);
    expect(bench.charging.status).toBe("plugged");
    bench.openByGuard("welded");
    bench.clock.advance(FEEDBACK_MS);
    expect([bench.charging.status, bench.events.at(-1)]).toEqual(["faulted", "lock 1"]);
  });
});

test("a station without a lock charges", () => {
  const bench = Bench.charging({ hasLock: false });
  bench.charging.abort();
  expect(bench.events).toEqual(["contactor 0", "duty 1000"]);
});

describe("the events", () => {
  test("tell the start of each session once, with its id, and a resumed id stays", () => {
    const bench = Bench.charging();
    bench.put(9000);
    bench.put(6000);
    bench.clock.advance(MIN_OFF_MS);
    expect(bench.starts).toEqual(["0".repeat(16)]);
    bench.charging.abort();
    bench.charging.admit()?.authorize(GRANT, "00000000000000aa");
    bench.clock.advance(MIN_OFF_MS + SETTLED_MS);
    expect(bench.starts).toEqual(["0".repeat(16), "00000000000000aa"]);
    expect(bench.charging.session?.id).toBe("00000000000000aa");
  });

  test("tell a status once", () => {
    const bench = Bench.charging();
    bench.charging.setLimit(10);
    bench.charging.setLimit(12);
    expect(bench.statuses).toEqual(["plugged", "authorized", "charging"]);
  });

  test("tell a fault once, and another one in its place", () => {
    const bench = Bench.charging();
    bench.openByGuard("residual-current");
    bench.openByGuard("residual-current");
    bench.openByGuard("too-hot");
    const isFault = (one: string) => one === "residual-current" || one === "temperature-cut-off";
    expect(bench.reported.filter(isFault)).toEqual([
      "residual-current",
      "residual-current",
      "residual-current",
      "temperature-cut-off",
    ]);
  });

  test("tell an end now, except for a vehicle that has left", () => {
    const bench = Bench.charging();
    bench.clock.advance(60_000);
    bench.put(9000);
    bench.clock.advance(60_000);
    bench.charging.stop();
    expect(bench.ends).toMatchObject([{ endedMs: bench.clock.monotonicMs(), why: "stopped" }]);
  });
});

test("the position of the contactor is that of the latest command", () => {
  const bench = new Bench();
  expect(bench.charging.isContactorClosed).toBe(false);
  bench.authorize();
  bench.put(6000);
  expect(bench.charging.isContactorClosed).toBe(true);
});

test("a station without a vehicle reports nothing when its limit changes", () => {
  const bench = new Bench({ highMv: 12_000 });
  expect(bench.charging.isContactorClosed).toBe(false);
  bench.charging.setLimit(10);
  expect([bench.statuses, bench.events, bench.charging.isContactorClosed]).toEqual([[], [], false]);
});

test("a vehicle that returns to C within 2 s after an opening waits for the rest of them", () => {
  const bench = Bench.charging();
  bench.put(9000);
  bench.put(6000);
  bench.clock.advance(MIN_OFF_MS - 2 * SETTLED_MS);
  expect(bench.isClosed).toBe(false);
  bench.clock.advance(2 * SETTLED_MS);
  expect(bench.isClosed).toBe(true);
});

test("a limit of 6 A is the lowest offer", () => {
  const bench = Bench.charging();
  bench.charging.setLimit(6);
  expect(bench.events).toEqual(["duty 100"]);
});

test("a vehicle in C without an offer is no request for energy", () => {
  const bench = new Bench();
  bench.charging.setLimit(0);
  bench.authorize();
  bench.put(6000);
  bench.clock.advance(10_000);
  expect([bench.charging.status, bench.starts, bench.isClosed]).toEqual(["authorized", [], false]);
});

describe("an admission", () => {
  test("is for the vehicle that was plugged in then", () => {
    const bench = new Bench();
    const admission = bench.charging.admit();
    bench.put(12_000);
    bench.put(9000);
    expect(admission?.authorize(GRANT)).toBe(false);
  });

  test.each<[string, (bench: Bench) => void]>([
    ["a stop", (bench) => bench.charging.stop()],
    ["an abort", (bench) => bench.charging.abort()],
  ])("ends with %s", (_name, happens) => {
    const bench = new Bench();
    const admission = bench.charging.admit();
    happens(bench);
    expect(admission?.authorize(GRANT)).toBe(false);
    bench.put(9000);
    expect(bench.authorize()).toBe(true);
  });

  test("lasts while the vehicle stays, whatever else changes", () => {
    const bench = new Bench();
    const admission = bench.charging.admit();
    bench.charging.setLimit(0);
    bench.charging.setLimit(10);
    bench.put(6000);
    bench.put(9000);
    expect(admission?.authorize(GRANT)).toBe(true);
  });
});

describe("the time of an authorization", () => {
  test("that is set to the same value does not begin again", () => {
    const bench = new Bench();
    bench.charging.setAuthorizationTime(10_000);
    bench.authorize();
    bench.clock.advance(6000);
    bench.charging.setAuthorizationTime(10_000);
    bench.clock.advance(4000);
    expect(bench.charging.status).toBe("plugged");
  });

  test("runs from the latest offer on, and not while the station offers no current", () => {
    const bench = new Bench();
    bench.charging.setAuthorizationTime(10_000);
    bench.charging.setLimit(0);
    bench.authorize();
    bench.clock.advance(60_000);
    bench.charging.setLimit(16);
    bench.clock.advance(6000);
    bench.charging.setLimit(10);
    bench.clock.advance(3999);
    expect(bench.charging.status).toBe("authorized");
    bench.charging.setLimit(0);
    bench.clock.advance(60_000);
    bench.charging.setLimit(16);
    bench.clock.advance(9999);
    expect(bench.charging.status).toBe("authorized");
    bench.clock.advance(1);
    expect(bench.charging.status).toBe("plugged");
  });

  test("does not change the time of a stop", () => {
    const bench = Bench.charging();
    bench.charging.stop();
    bench.clock.advance(2000);
    bench.charging.setAuthorizationTime(10_000);
    bench.clock.advance(1000);
    expect(bench.isClosed).toBe(false);
  });
});

describe("after the end", () => {
  test("by a listener, in a fault of the guard, no fault is acknowledged", () => {
    const bench = Bench.charging();
    bench.onEvent = ({ type }) => {
      if (type === "faulted") bench.charging.close();
    };
    bench.openByGuard("too-hot");
    bench.clock.advance(10_000);
    expect(bench.acknowledgements).toBe(0);
  });

  test.each<[string, (bench: Bench) => void]>([
    ["a limit", (bench) => bench.charging.setLimit(10)],
    ["a stop", (bench) => bench.charging.stop()],
    ["an opening by the guard", (bench) => bench.openByGuard("welded")],
    ["a second end", (bench) => bench.charging.close()],
  ])("%s writes no pin and reports nothing", (_name, happens) => {
    const bench = Bench.charging();
    bench.charging.close();
    const { statuses } = bench;
    const before = [bench.events.length, statuses.length, bench.reported.length];
    happens(bench);
    bench.clock.advance(10_000);
    expect([bench.events.length, statuses.length, bench.reported.length]).toEqual(before);
  });
});
