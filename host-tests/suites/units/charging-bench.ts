/** The charging driver on pins of the test, for the tests of modules/charging. */

import { expect } from "@jest/globals";
import type { Board, OpeningReason, PilotLevels } from "../../../modules/board/index.js";
import { Charging, type ChargingEvent, type StationStatus } from "../../../modules/charging/index.js";
import { VirtualClock } from "../../virtual/world/clock.js";

export const GRANT = { tag: "00", tagEnd: "0001", method: "ble", currentA: 16 } as const;
const STEADY = 1000;
/** Minimum off time of the contactor, ms. */
export const MIN_OFF_MS = 2000;
/** Longer than the debounce time of 30 ms. */
export const SETTLED_MS = 40;

/** A charging driver on pins that record their writes. */
export class Bench {
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
  /** Reasons of the guard, codes of faults, and stops that were ignored. */
  readonly reported: string[] = [];
  /** The feedback contact reports a closed contactor. */
  isWelded = false;
  /** Notifies the driver of a changed feedback contact. */
  notifyFeedback = () => {};
  readonly statuses: StationStatus[] = [];
  /** Called with each event, after it was recorded. */
  onEvent: (event: ChargingEvent) => void = () => {};
  /** Ids of the sessions that have started. */
  readonly starts: string[] = [];
  readonly ends: (ChargingEvent & { readonly type: "session-ended" })[] = [];
  /** Closings of the contactor. */
  closings = 0;
  /** Notifies the driver of a changed level, as the board does. */
  notify = () => {};
  #duty = STEADY;

  constructor({ hasFeedback = false, hasLock = true, highMv = 9000 } = {}) {
    this.highMv = highMv;
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
        if (this.#pin !== "contactor") return;
        if (value === 1 && !bench.isClosed) bench.closings++;
        bench.isClosed = value === 1;
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
    class Feedback {
      constructor({ onReadable }: { onReadable(): void }) {
        bench.notifyFeedback = onReadable;
      }
      read(): 0 | 1 {
        return bench.isWelded ? 1 : 0;
      }
      close(): void {}
    }
    const crypto = { random: (byteLength: number) => new ArrayBuffer(byteLength) };
    const io = { Contactor: Output, DigitalIn: Feedback, DigitalOut: Output, ControlPilot: Pilot };
    const contactorFeedback = hasFeedback ? "feedback" : undefined;
    const pins = {
      controlPilot: "pilot",
      contactor: "contactor",
      lock: hasLock ? "lock" : undefined,
      contactorFeedback,
    };
    const board = { clock: this.clock, crypto, io, pins };
    this.charging = new Charging({
      board: board as unknown as Board,
      listener: {
        handleChargingEvent(event) {
          if (event.type === "guard-opened") bench.reported.push(event.reason);
          if (event.type === "faulted" || event.type === "warning") bench.reported.push(event.fault.code);
          if (event.type === "stop-ignored") bench.reported.push(event.type);
          if (event.type === "status") bench.statuses.push(event.status);
          if (event.type === "session-started") bench.starts.push(event.session.id);
          if (event.type === "session-ended") bench.ends.push(event);
          bench.onEvent(event);
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

  /** Authorizes the vehicle. Returns whether it may be. */
  authorize(): boolean {
    return this.charging.admit()?.authorize(GRANT) ?? false;
  }

  /** A bench with a charging vehicle and no recorded events. */
  static charging(options?: { hasFeedback?: boolean; hasLock?: boolean }): Bench {
    const bench = new Bench(options);
    bench.authorize();
    bench.put(6000);
    expect(bench.isClosed).toBe(true);
    bench.events.length = 0;
    return bench;
  }

  #measure(): PilotLevels {
    const { highMv } = this;
    if (this.#duty === 0) return { highMv: -12_000, lowMv: -12_000 };
    if (this.#duty === STEADY) return { highMv, lowMv: highMv };
    return { highMv, lowMv: this.hasDiode ? -12_000 : -highMv };
  }
}
