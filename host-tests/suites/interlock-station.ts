/** A charging driver on a board with each input, for the tests of its interlocks. */

import { expect } from "@jest/globals";
import type { Board } from "../../modules/board/index.js";
import { Charging } from "../../modules/charging/index.js";
import { VirtualClock } from "../virtual/world/clock.js";

const GRANT = { tag: "00", tagEnd: "0001", method: "ble", currentA: 32 } as const;

/** A station with each input. Inputs are 1 when everything is in order. */
export class InterlockStation {
  readonly clock = new VirtualClock();
  readonly charging: Charging;
  /** Faults and warnings, by their codes. */
  readonly reported: string[] = [];
  readonly levels = new Map<string, number>();
  readonly written = new Map<string, number>();
  readonly listeners = new Map<string, () => void>();
  /** Number of test currents. */
  tests = 0;
  highMv = 12_000;
  ohms = 220;
  isLockStuck = false;
  isTestBroken = false;
  hasResidualCurrent = false;
  isTesting = false;
  dutyPermille = 1000;

  constructor({ isVentilated = false, pins = ALL_PINS, hasProximity = true }: StationOptions = {}) {
    const station = this;
    const board = {
      clock: this.clock,
      crypto: { random: (byteLength: number) => new ArrayBuffer(byteLength) },
      pins: { controlPilot: "pilot", contactor: "contactor", lock: "lock", ...pins },
      ...(hasProximity && { proximityOhms: () => this.ohms }),
      io: partsOf(station),
    };
    for (const pin of ["earth", "l1", "l2", "l3"]) this.levels.set(pin, 1);
    this.charging = new Charging({
      board: board as unknown as Board,
      isVentilated,
      listener: {
        handleChargingEvent(event) {
          if (event.type === "faulted" || event.type === "warning") station.reported.push(event.fault.code);
        },
      },
    });
    this.clock.advance(15_000);
    this.tests = 0;
  }

  get isClosed(): boolean {
    return this.written.get("contactor") === 1;
  }

  set(pin: string, level: 0 | 1): void {
    this.levels.set(pin, level);
    this.listeners.get(pin)?.();
  }

  put(highMv: number): void {
    this.highMv = highMv;
    this.listeners.get("pilot")?.();
    this.clock.advance(40);
  }

  authorize(): void {
    this.charging.admit()?.authorize(GRANT);
  }

  /** Plugs in a vehicle, authorizes it and lets it request energy. */
  start(): void {
    this.put(9000);
    this.authorize();
    this.clock.advance(2000);
    this.put(6000);
    this.clock.advance(2000);
  }

  static charging(options?: StationOptions): InterlockStation {
    const station = new InterlockStation(options);
    station.start();
    expect([station.isClosed, station.reported]).toEqual([true, []]);
    return station;
  }

  /** Performs a write of an output, as the parts behind it do. */
  handleWrite(pin: string, value: number): void {
    this.written.set(pin, value);
    if (pin === "lock")
      this.clock.set(() => {
        if (!this.isLockStuck) this.set("lock-feedback", value === 1 ? 1 : 0);
      }, 300);
    if (pin !== "rcd-test") return;
    this.tests += value;
    this.clock.set(() => {
      if (value === 0 || !this.isTestBroken) this.hasResidualCurrent = value === 1;
    }, 30);
  }
}

interface StationOptions {
  readonly isVentilated?: boolean;
  readonly pins?: Readonly<Record<string, unknown>>;
  readonly hasProximity?: boolean;
}

const ALL_PINS = {
  lockFeedback: "lock-feedback",
  residualCurrentTest: "rcd-test",
  protectiveEarth: "earth",
  phases: ["l1", "l2", "l3"],
};

function partsOf(station: InterlockStation): object {
  class Pin {
    readonly #pin: string;
    constructor({ pin, onReadable }: { pin: string; onReadable?(): void }) {
      this.#pin = pin;
      if (onReadable) station.listeners.set(pin, onReadable);
    }
    read(): unknown {
      return station.levels.get(this.#pin) ?? 0;
    }
    write(value: number): void {
      if (station.written.get(this.#pin) !== value) station.handleWrite(this.#pin, value);
    }
    close(): void {
      station.listeners.delete(this.#pin);
    }
  }
  class FakeContactor extends Pin {
    renew(): void {}
    acknowledge(): void {}
    test(value: 0 | 1): void {
      expect(station.isClosed).toBe(false);
      station.isTesting = value === 1;
    }
    get hasResidualCurrent(): boolean {
      return station.hasResidualCurrent;
    }
    override write(value: number): void {
      if (value === 1) expect(station.isTesting).toBe(false);
      super.write(value);
    }
  }
  class FakePilot extends Pin {
    override read(): unknown {
      const { highMv, dutyPermille } = station;
      return { highMv, lowMv: dutyPermille === 1000 ? highMv : -12_000 };
    }
    override write(dutyPermille: number): void {
      station.dutyPermille = dutyPermille;
    }
  }
  return { Contactor: FakeContactor, ControlPilot: FakePilot, DigitalIn: Pin, DigitalOut: Pin };
}
