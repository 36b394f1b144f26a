/** Tests of the driver: its pin writes and their order. */

import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Board, OpeningReason, PilotLevels } from "../board/index.js";
import { Charging } from "./index.js";

const GRANT = { tag: "00", tagEnd: "0001", method: "ble", currentA: 16 } as const;
const STEADY = 1000;
/** Minimum off time of the contactor, ms. */
const MIN_OFF_MS = 2000;
/** Longer than the debounce time of 30 ms. */
const SETTLED_MS = 40;

/** A charging driver on pins that record their writes. */
class Bench {
  readonly clock = new VirtualClock();
  readonly charging: Charging;
  readonly events: string[] = [];
  isClosed = false;
  highMv = 9000;
  hasDiode = true;
  /** Measured levels that replace the vehicle's. */
  levels: PilotLevels | undefined;
  renewals = 0;
  acknowledgements = 0;
  /** Reports an opening by the guard. */
  openByGuard: (reason: OpeningReason) => void = () => {};
  readonly reported: string[] = [];
  /** Notifies the driver of a changed level, as the board does. */
  notify = () => {};
  #duty = STEADY;

  constructor({ hasFeedback = false } = {}) {
    const bench = this;
    class Output {
      #pin: string;
      #value = 0;
      constructor({ pin, onOpened }: { pin: string; onOpened?(reason: OpeningReason): void }) {
        this.#pin = pin;
        if (onOpened) bench.openByGuard = (reason) => onOpened(reason);
      }
      write(value: 0 | 1): void {
        if (value !== this.#value) bench.events.push(`${this.#pin} ${value}`);
        this.#value = value;
        if (this.#pin === "contactor") bench.isClosed = value === 1;
      }
      renew(): void {
        bench.renewals++;
      }
      acknowledge(): void {
        bench.acknowledgements++;
      }
      close(): void {
        this.write(0);
      }
    }
    class Pilot {
      #isClosed = false;
      constructor({ onReadable }: { onReadable(): void }) {
        bench.notify = onReadable;
      }
      read(): PilotLevels {
        if (this.#isClosed) throw new Error("the pin is closed");
        return bench.levels ?? bench.#measure();
      }
      write(duty: number): void {
        bench.events.push(`duty ${duty}`);
        bench.#duty = duty;
      }
      close(): void {
        this.write(STEADY);
        this.#isClosed = true;
      }
    }
    /** A contactor that the guard has opened. */
    class OpenFeedback {
      read(): 0 {
        return 0;
      }
    }
    const crypto = { random: (byteLength: number) => new ArrayBuffer(byteLength) };
    const io = { Contactor: Output, DigitalIn: OpenFeedback, DigitalOut: Output, ControlPilot: Pilot };
    const contactorFeedback = hasFeedback ? "feedback" : undefined;
    const pins = { controlPilot: "pilot", contactor: "contactor", lock: "lock", contactorFeedback };
    const board = { clock: this.clock, crypto, io, pins };
    this.charging = new Charging({
      board: board as unknown as Board,
      listener: {
        handleChargingEvent(event) {
          if (event.type === "guard-opened") bench.reported.push(event.reason);
          if (event.type === "faulted") bench.reported.push(event.fault.code);
        },
      },
    });
    this.clock.advance(MIN_OFF_MS + SETTLED_MS);
  }

  /** Sets the vehicle's pilot level, notifies the driver, and waits for the debouncing. */
  put(highMv: number): void {
    this.highMv = highMv;
    this.notify();
    this.clock.advance(SETTLED_MS);
  }

  authorize(): void {
    this.charging.admit()?.authorize(GRANT);
  }

  /** A bench with a charging vehicle and no recorded events. */
  static charging(options?: { hasFeedback: boolean }): Bench {
    const bench = new Bench(options);
    bench.authorize();
    bench.put(6000);
    expect(bench.isClosed).toBe(true);
    bench.events.length = 0;
    return bench;
  }

  #measure(): PilotLevels {
    const { highMv } = this;
    if (this.#duty === STEADY) return { highMv, lowMv: highMv };
    return { highMv, lowMv: this.hasDiode ? -12_000 : -highMv };
  }
}

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
    ["a stop", (bench) => bench.charging.stop()],
    ["the vehicle's departure", (bench) => bench.put(12_000)],
    ["a fault", (bench) => bench.put(0)],
  ])("%s opens the contactor, then withdraws the offer, then unlocks the plug", (_name, happens) => {
    const bench = Bench.charging();
    happens(bench);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
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
  expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0", "duty 1000"]);
});

describe("setLimit", () => {
  test.each([0, 5.9, -1, Number.NaN])(
    "%d A opens the contactor and withdraws the offer, and the session continues",
    (limitA) => {
      const bench = Bench.charging();
      bench.charging.setLimit(limitA);
      expect(bench.events).toEqual(["contactor 0", "duty 1000"]);
      expect(bench.charging.status).toBe("charging");
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
    bench.charging.stop();
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
      expect(bench.charging.status).toBe("charging");
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
