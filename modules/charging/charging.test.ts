/** Tests of the driver: its pin writes and their order. */

import { describe, expect, test } from "@jest/globals";
import { Bench, GRANT, MIN_OFF_MS, SETTLED_MS } from "../../host-tests/suites/units/charging-bench.js";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Board } from "../board/index.js";
import { Charging } from "./index.js";

test("a listener that closes the driver on a fault prevents all further pin writes", () => {
  const clock = new VirtualClock();
  const levels = { highMv: 9000, lowMv: -12_000 };
  const written: string[] = [];
  let isWelded = false;
  class Pin {
    #isClosed = false;
    write(value: number): void {
      if (this.#isClosed) throw new Error("the pin is closed");
      written.push(String(value));
    }
    /** Reading of the feedback contact. */
    read(): number | typeof levels {
      return isWelded ? 1 : 0;
    }
    renew(): void {}
    acknowledge(): void {}
    close(): void {
      this.#isClosed = true;
    }
  }
  class Pilot extends Pin {
    override read() {
      return levels;
    }
  }
  const io = { Contactor: Pin, DigitalOut: Pin, DigitalIn: Pin, ControlPilot: Pilot };
  const pins = { controlPilot: "pilot", contactor: "contactor", lock: "lock", contactorFeedback: "feedback" };
  const crypto = { random: (byteLength: number) => new ArrayBuffer(byteLength) };
  const statuses: string[] = [];
  const charging: Charging = new Charging({
    board: { clock, crypto, io, pins } as unknown as Board,
    listener: {
      handleChargingEvent(event) {
        if (event.type !== "status") return;
        statuses.push(event.status);
        if (event.status === "faulted") charging.close();
      },
    },
  });
  clock.advance(MIN_OFF_MS + SETTLED_MS);
  charging.admit()?.authorize(GRANT);
  levels.highMv = 6000;
  clock.advance(2 * SETTLED_MS);
  isWelded = true;
  charging.stop();
  clock.advance(60_000);
  expect(statuses.at(-1)).toBe("faulted");
});

describe("the order of pin writes", () => {
  test("a session start writes the duty, the lock, then the contactor", () => {
    const bench = new Bench();
    bench.authorize();
    bench.put(6000);
    expect(bench.events).toEqual(["duty 266", "lock 1", "contactor 1"]);
  });

  test.each<[string, (bench: Bench) => void]>([
    ["an abort", (bench) => bench.charging.abort()],
    ["a fault", (bench) => bench.put(0)],
  ])("%s opens the contactor, then withdraws the offer, then unlocks the plug", (_name, happens) => {
    const bench = Bench.charging();
    happens(bench);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
  });

  test("a stop withdraws the offer, then opens the contactor, then unlocks the plug", () => {
    const bench = Bench.charging();
    bench.charging.stop();
    expect(bench.events).toEqual(["duty 1000"]);
    bench.put(9000);
    expect(bench.events).toEqual(["duty 1000", "contactor 0", "lock 0"]);
  });

  test("close() opens the contactor, withdraws the offer, and leaves the lock to the restart", () => {
    const bench = Bench.charging();
    bench.charging.close();
    expect(bench.events).toEqual(["contactor 0", "duty 1000"]);
  });
});

test("a closed driver ignores timers that were running", () => {
  const bench = Bench.charging();
  bench.charging.stop();
  bench.charging.close();
  bench.clock.advance(10_000);
  expect(bench.events).toEqual(["duty 1000", "contactor 0", "duty 1000"]);
});

describe("setLimit", () => {
  test.each([0, 5.9, -1, Number.NaN])(
    "%d A withdraws the offer, opens the contactor when the vehicle has stopped, and keeps the session",
    (limitA) => {
      const bench = Bench.charging();
      bench.charging.setLimit(limitA);
      expect(bench.events).toEqual(["duty 1000"]);
      expect(bench.charging.status).toBe("charging");
      bench.put(9000);
      expect(bench.events).toEqual(["duty 1000", "contactor 0"]);
      expect(bench.charging.status).toBe("suspended-by-station");
      expect(bench.charging.session).toBeDefined();
    },
  );

  test.each([
    [0, 0],
    [0, 10],
    [0, 10_000],
    [Number.NaN, 0],
    [Number.NaN, 10_000],
  ])(
    "%d A, raised again after %d ms, leaves the contactor open if the diode has failed meanwhile",
    (limitA, pauseMs) => {
      const bench = Bench.charging();
      bench.charging.setLimit(limitA);
      bench.hasDiode = false;
      bench.clock.advance(pauseMs);
      bench.charging.setLimit(32);
      bench.clock.advance(10_000);
      expect(bench.events).not.toContain("contactor 1");
      expect(bench.charging.status).toBe("faulted");
    },
  );

  test("NaN prevents a session start while the vehicle is ready", () => {
    const bench = new Bench();
    bench.charging.setLimit(Number.NaN);
    bench.authorize();
    bench.put(6000);
    expect(bench.charging.status).toBe("authorized");
    bench.charging.setLimit(10);
    bench.clock.advance(SETTLED_MS);
    expect(bench.events).toEqual(["lock 1", "duty 166", "contactor 1"]);
  });
});

describe("the pilot", () => {
  test("with levels that are not numbers faults the station", () => {
    const bench = Bench.charging();
    bench.levels = { highMv: Number.NaN, lowMv: Number.NaN };
    bench.put(6000);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
    expect(bench.charging.status).toBe("faulted");
  });

  test("with a second reading that differs from the first is sampled again without a notification", () => {
    const bench = Bench.charging();
    bench.levels = { highMv: 12_000, lowMv: -12_000 };
    bench.notify();
    bench.clock.advance(10);
    bench.levels = undefined;
    bench.clock.advance(10_000);
    expect(bench.events).toEqual([]);
    expect(bench.charging.status).toBe("charging");
  });
});

describe("the guard", () => {
  test("has its lease renewed each 500 ms while the contactor is closed, and only then", () => {
    const bench = Bench.charging();
    bench.clock.advance(10_000);
    expect(bench.renewals).toBe(20);
    bench.charging.abort();
    bench.clock.advance(10_000);
    expect(bench.renewals).toBe(20);
  });

  test.each(["pilot", "lease"] as const)(
    "that opens for the reason %s leaves the session, which continues after the minimum off time",
    (reason) => {
      const bench = Bench.charging();
      bench.openByGuard(reason);
      expect(bench.events).toEqual(["contactor 0"]);
      expect(bench.reported).toEqual([reason]);
      expect(bench.charging.status).toBe("suspended-by-vehicle");
      bench.clock.advance(MIN_OFF_MS + SETTLED_MS);
      expect(bench.events).toEqual(["contactor 0", "contactor 1"]);
    },
  );

  test.each([
    ["residual-current", "residual-current"],
    ["too-hot", "temperature-cut-off"],
    ["welded", "contactor-welded"],
    ["stuck-open", "contactor-stuck-open"],
  ] as const)("that opens for the reason %s ends the session with the fault %s", (reason, fault) => {
    const bench = Bench.charging();
    bench.openByGuard(reason);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
    expect(bench.reported).toEqual([reason, fault]);
    expect(bench.charging.status).toBe("faulted");
    bench.openByGuard(reason);
    expect(bench.reported).toEqual([reason, fault, reason]);
  });

  test("that has opened for a vehicle that left ends no session with a fault, also if its report waits for the engine", () => {
    const bench = Bench.charging({ hasFeedback: true });
    bench.clock.advance(10_000);
    expect(bench.reported).toEqual([]);
    bench.openByGuard("pilot");
    bench.put(12_000);
    bench.clock.advance(3000);
    expect(bench.reported).toEqual(["pilot"]);
    expect(bench.charging.status).toBe("available");
  });

  test("gets acknowledgements until the vehicle has left a faulted station", () => {
    const bench = Bench.charging();
    bench.openByGuard("residual-current");
    bench.levels = { highMv: -12_000, lowMv: -12_000 };
    bench.notify();
    bench.clock.advance(5000);
    expect(bench.acknowledgements).toBe(5);
    expect(bench.reported).toEqual(["residual-current", "residual-current"]);
    bench.levels = undefined;
    bench.put(12_000);
    expect(bench.charging.status).toBe("available");
    bench.clock.advance(10_000);
    expect(bench.acknowledgements).toBe(6);
    expect(bench.renewals).toBe(0);
  });

  test("that reports the reason of an earlier run leaves an idle station available", () => {
    const bench = new Bench();
    bench.put(12_000);
    bench.openByGuard("residual-current");
    expect(bench.charging.status).toBe("faulted");
    bench.clock.advance(SETTLED_MS);
    expect(bench.charging.status).toBe("available");
  });

  test("is not attended after the end", () => {
    const bench = Bench.charging();
    bench.charging.close();
    bench.events.length = 0;
    bench.openByGuard("residual-current");
    bench.clock.advance(10_000);
    expect([bench.events, bench.reported, bench.renewals, bench.acknowledgements]).toEqual([[], [], 0, 0]);
  });
});
