/** Tests of the driver on a noisy control pilot: level offsets, noise and spikes, as an ADC measures them. */

import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import type { Board, PilotLevels } from "../board/index.js";
import { Charging } from "./index.js";
import type { PilotState } from "./pilot.js";

const NOMINAL_MV: Readonly<Record<PilotState, number>> = {
  A: 12_000,
  B: 9000,
  C: 6000,
  D: 3000,
  E: 0,
  F: -12_000,
};
const GRANT = { tag: "00", tagEnd: "0001", method: "ble" as const, currentA: 16 };
/** Tolerance of a level by IEC 61851-1 table A.4, mV. */
const TOLERANCE_MV = 1000;
/** Additional noise of the ADC and the wiring, mV. The states are 3 V apart. */
const NOISE_MV = 400;
const SAMPLES = 100;
/** Sampling period of the board, ms (firmware/boards/esp32/pins-io.ts). */
const SAMPLE_PERIOD_MS = 50;
/** Minimum off time of the contactor, ms. */
const MIN_OFF_MS = 2000;
/** Longer than the time for which a session waits for a vehicle that has left, ms. */
const AWAY_MS = 3100;
const STEADY = 1000;

/** A station whose pilot is measured as the highest and the lowest of many samples. */
class Noisy {
  readonly clock = new VirtualClock();
  readonly charging: Charging;
  isClosed = false;
  state: PilotState = "A";
  hasDiode = true;
  readonly #random: Random;
  readonly #offsetMv: number;
  #duty = STEADY;
  #spikeUntilMs = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#offsetMv = this.#random.int(2 * TOLERANCE_MV) - TOLERANCE_MV;
    const station = this;
    class Contactor {
      write(value: 0 | 1): void {
        station.isClosed = value === 1;
      }
      renew(): void {}
      acknowledge(): void {}
      close(): void {}
    }
    class Pilot {
      constructor({ onReadable }: { onReadable(): void }) {
        // The worst case of noise: a notification at every sample.
        station.clock.repeat(onReadable, SAMPLE_PERIOD_MS);
      }
      read(): PilotLevels {
        return station.#measure();
      }
      write(duty: number): void {
        station.#duty = duty;
      }
      close(): void {}
    }
    const crypto = { random: (byteLength: number) => new ArrayBuffer(byteLength) };
    const io = { Contactor, ControlPilot: Pilot };
    const board = { clock: this.clock, crypto, io, pins: { controlPilot: 1, contactor: 2 } };
    this.charging = new Charging({
      board: board as unknown as Board,
      listener: { handleChargingEvent() {} },
    });
    this.clock.advance(MIN_OFF_MS);
  }

  /** Replaces all levels by random ones for a time, as the interference of a starting motor does. */
  spike(durationMs: number): void {
    this.#spikeUntilMs = this.clock.monotonicMs() + durationMs;
  }

  #measure(): PilotLevels {
    let highMv = Number.NEGATIVE_INFINITY;
    let lowMv = Number.POSITIVE_INFINITY;
    const isSpike = this.clock.monotonicMs() < this.#spikeUntilMs;
    for (let i = 0; i < SAMPLES; i++) {
      const isHigh = this.#duty === STEADY || this.#random.int(1000) < this.#duty;
      const levelMv = isSpike ? this.#random.int(26_000) - 13_000 : this.#levelMv(isHigh);
      const sampleMv = levelMv + this.#random.int(2 * NOISE_MV) - NOISE_MV;
      highMv = Math.max(highMv, sampleMv);
      lowMv = Math.min(lowMv, sampleMv);
    }
    return { highMv, lowMv };
  }

  #levelMv(isHigh: boolean): number {
    // A shorted pilot is 0 V in both half waves. A diode keeps the vehicle from loading the negative one.
    if (this.state === "E") return 0;
    if (isHigh) return NOMINAL_MV[this.state] + this.#offsetMv;
    return this.hasDiode ? -12_000 : -NOMINAL_MV[this.state];
  }

  settle(): void {
    this.clock.advance(3 * SAMPLE_PERIOD_MS);
  }
}

const RUNS = Math.max(5, FUZZ_RUNS / 250);

describe("with noise on the pilot and levels at their limits", () => {
  test("a vehicle charges without an interruption", () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const station = new Noisy(seed);
      station.state = "B";
      station.settle();
      expect(station.charging.status).toBe("plugged");
      station.charging.admit()?.authorize(GRANT);
      station.state = seed % 2 === 0 ? "C" : "D";
      station.settle();
      for (let i = 0; i < 100; i++) {
        station.clock.advance(SAMPLE_PERIOD_MS / 2);
        if (!station.isClosed)
          throw new Error(`seed ${seed}: the contactor is open after ${i} half sampling periods`);
      }
    }
  });

  test("every state is detected, and the contactor is closed only in C and D", () => {
    const states = ["A", "B", "C", "D", "E"] as const;
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = new Random(seed);
      const station = new Noisy(seed);
      for (let i = 0; i < 20; i++) {
        station.state = random.pick(states);
        station.settle();
        station.charging.admit()?.authorize(GRANT);
        station.clock.advance(AWAY_MS);
        station.settle();
        const requestsEnergy = station.state === "C" || station.state === "D";
        if (station.isClosed && !requestsEnergy) throw new Error(`seed ${seed}: closed in ${station.state}`);
        const { status } = station.charging;
        if (station.state === "A") expect(status).toBe("available");
        if (station.state === "E") expect(status).toBe("faulted");
        if (status === "charging") expect(station.isClosed && requestsEnergy).toBe(true);
      }
    }
  });

  test("a missing diode is detected", () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const station = new Noisy(seed);
      station.state = "C";
      station.hasDiode = false;
      station.settle();
      station.charging.admit()?.authorize(GRANT);
      for (let i = 0; i < 10; i++) {
        station.clock.advance(SAMPLE_PERIOD_MS / 5);
        expect(station.isClosed).toBe(false);
      }
      expect(station.charging.status).toBe("faulted");
    }
  });

  test("spikes shorter than the debounce time do not end a session", () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const station = new Noisy(seed);
      station.state = "B";
      station.settle();
      station.charging.admit()?.authorize(GRANT);
      station.state = "C";
      station.settle();
      for (let i = 0; i < 20; i++) {
        station.spike(10);
        // Each spike has another phase relative to the samples, and some coincide with one.
        station.clock.advance(7 * SAMPLE_PERIOD_MS + 11);
      }
      expect(station.charging.status).toBe("charging");
      expect(station.isClosed).toBe(true);
    }
  });
});
