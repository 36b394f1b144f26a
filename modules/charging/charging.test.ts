/** What the driver does to its pins, and in which order. */

import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Board, PilotLevels } from "../board/index.js";
import { Charging } from "./index.js";

const GRANT = { tag: "00", tagEnd: "0001", method: "ble", currentA: 16 } as const;
const STEADY = 1000;
/** A contactor that has opened stays open for 2 s. */
const REST_MS = 2000;
/** A level counts after 20 ms. */
const SETTLED_MS = 30;

/** A station whose pins say what happens to them. */
class Bench {
  readonly clock = new VirtualClock();
  readonly charging: Charging;
  readonly events: string[] = [];
  isClosed = false;
  highMv = 9000;
  hasDiode = true;
  /** Instead of what the vehicle makes of the pilot. */
  levels: PilotLevels | undefined;
  /** The board tells that a level has changed. */
  tell = () => {};
  #duty = STEADY;

  constructor() {
    const bench = this;
    class Output {
      #pin: string;
      #value = 0;
      constructor({ pin }: { pin: string }) {
        this.#pin = pin;
      }
      write(value: 0 | 1): void {
        if (value !== this.#value) bench.events.push(`${this.#pin} ${value}`);
        this.#value = value;
        if (this.#pin === "contactor") bench.isClosed = value === 1;
      }
      close(): void {
        this.write(0);
      }
    }
    class Pilot {
      #isClosed = false;
      constructor({ onReadable }: { onReadable(): void }) {
        bench.tell = onReadable;
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
    const crypto = { random: (byteLength: number) => new ArrayBuffer(byteLength) };
    const io = { DigitalOut: Output, ControlPilot: Pilot };
    const pins = { controlPilot: "pilot", contactor: "contactor", lock: "lock" };
    const board = { clock: this.clock, crypto, io, pins };
    this.charging = new Charging({ board: board as unknown as Board, onEvent: () => {} });
    this.clock.advance(REST_MS + SETTLED_MS);
  }

  /** The vehicle puts this on the pilot, and the board says so. */
  put(highMv: number): void {
    this.highMv = highMv;
    this.tell();
    this.clock.advance(SETTLED_MS);
  }

  authorize(): void {
    this.charging.admit()?.authorize(GRANT);
  }

  /** A session is under way, and nothing has happened since. */
  static charging(): Bench {
    const bench = new Bench();
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

test("who hears of a fault may close the station: nothing is done to its pins after that", () => {
  const clock = new VirtualClock();
  const levels = { highMv: 9000, lowMv: -12_000 };
  const written: string[] = [];
  class Pin {
    #isClosed = false;
    write(value: number): void {
      if (this.#isClosed) throw new Error("the pin is closed");
      written.push(String(value));
    }
    /** Of the auxiliary contact: the contactor never closes. */
    read(): number | typeof levels {
      return 0;
    }
    close(): void {
      this.#isClosed = true;
    }
  }
  class Pilot extends Pin {
    override read() {
      return levels;
    }
  }
  const io = { DigitalOut: Pin, DigitalIn: Pin, ControlPilot: Pilot };
  const pins = { controlPilot: "pilot", contactor: "contactor", lock: "lock", contactorFeedback: "answer" };
  const crypto = { random: (byteLength: number) => new ArrayBuffer(byteLength) };
  const statuses: string[] = [];
  const charging: Charging = new Charging({
    board: { clock, crypto, io, pins } as unknown as Board,
    onEvent: (event) => {
      if (event.type !== "status") return;
      statuses.push(event.status);
      if (event.status === "faulted") charging.close();
    },
  });
  clock.advance(REST_MS + SETTLED_MS);
  charging.admit()?.authorize(GRANT);
  levels.highMv = 6000;
  clock.advance(SETTLED_MS);
  clock.advance(60_000);
  expect(statuses.at(-1)).toBe("faulted");
});

describe("the order", () => {
  test("at a beginning: the offer and the lock, then the contactor", () => {
    const bench = new Bench();
    bench.authorize();
    bench.put(6000);
    expect(bench.events).toEqual(["duty 266", "lock 1", "contactor 1"]);
  });

  test.each<[string, (bench: Bench) => void]>([
    ["a stop", (bench) => bench.charging.stop()],
    ["the vehicle's leaving", (bench) => bench.put(12_000)],
    ["a fault", (bench) => bench.put(0)],
  ])("at %s: the contactor, then the offer, then the lock", (_name, happens) => {
    const bench = Bench.charging();
    happens(bench);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
  });

  test("at the station's end: the contactor, then the offer; the lock is the restart's", () => {
    const bench = Bench.charging();
    bench.charging.close();
    expect(bench.events).toEqual(["contactor 0", "duty 1000"]);
  });
});

test("after its end a station looks at nothing, whatever it has waited for", () => {
  const bench = Bench.charging();
  bench.charging.stop();
  bench.charging.close();
  bench.clock.advance(10_000);
  expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0", "duty 1000"]);
});

describe("a limit", () => {
  test.each([0, 5.9, -1, Number.NaN])("of %d A opens the contactor, and takes the offer back", (limitA) => {
    const bench = Bench.charging();
    bench.charging.setLimit(limitA);
    expect(bench.events).toEqual(["contactor 0", "duty 1000"]);
    expect(bench.charging.status).toBe("charging");
  });

  test.each([
    [0, 0],
    [0, 10],
    [0, 10_000],
    [Number.NaN, 0],
    [Number.NaN, 10_000],
  ])(
    "that goes to %d A and returns after %d ms closes nothing on a diode that has failed",
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

  test("that is not there while a vehicle begins to draw starts no session", () => {
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

describe("a pilot", () => {
  test("that cannot be measured is a fault", () => {
    const bench = Bench.charging();
    bench.levels = { highMv: Number.NaN, lowMv: Number.NaN };
    bench.put(6000);
    expect(bench.events).toEqual(["contactor 0", "duty 1000", "lock 0"]);
    expect(bench.charging.status).toBe("faulted");
  });

  test("whose level is another 20 ms later, which nobody tells, is read once more", () => {
    const bench = Bench.charging();
    bench.levels = { highMv: 12_000, lowMv: -12_000 };
    bench.tell();
    bench.clock.advance(10);
    bench.levels = undefined;
    bench.clock.advance(10_000);
    expect(bench.events).toEqual([]);
    expect(bench.charging.status).toBe("charging");
  });
});
