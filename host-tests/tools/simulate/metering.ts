/** A week with a Modbus meter in place of the S0 meter: the meter, its faults, and when it may have been unread. */

import type { Board } from "../../../modules/board/index.js";
import { PINS } from "../../virtual/board/pins.js";
import type { Scene } from "../../virtual/scene.js";
import { METER_FAULTS, type MeterFault, ModbusMeterDevice } from "../../virtual/world/modbus-meter.js";
import { Random } from "../../virtual/world/random.js";
import type { EventLog } from "./event-log.js";
import { exponential, logUniform } from "./faults.js";

/** One of this number of seeds has a Modbus meter. */
const SEEDS_PER_MODBUS = 4;
const SALT = 0x6d6f6462;
const MINUTE_MS = 60_000;
const MEAN_GAP_MS = 90 * MINUTE_MS;
const MIN_LASTS_MS = 1000;
const MAX_LASTS_MS = 40 * MINUTE_MS;
/**
 * Time around a fault in which sessions may be marked, ms: a reading with its repetitions before, and the recovery of a silent
 * meter after it.
 */
const AROUND_MS = 90_000;
const FIRST_WH = 250_000;

/** Faults of a week. A meter that runs backwards loses energy for good, so that no session could be settled. */
const FAULTS = METER_FAULTS.filter((fault) => fault !== "backwards");

export function hasModbusMeter(seed: number): boolean {
  return seed % SEEDS_PER_MODBUS === 1;
}

/** Puts the line of a Modbus meter in place of the S0 input. The virtual board has a UART for each line. */
export function withModbusLine(board: Board): Board {
  const modbusMeter = { receive: PINS.modbusReceive, transmit: PINS.modbusTransmit };
  return { ...board, pins: { ...board.pins, meter: undefined, modbusMeter } };
}

export interface MeteringOptions {
  readonly scene: Scene;
  readonly eventLog: EventLog;
  readonly seed: number;
}

export class Metering {
  readonly meter: ModbusMeterDevice;
  readonly #options: MeteringOptions;
  readonly #random: Random;
  /** Latest time at which the meter had a fault, ms. */
  #faultyMs = Number.NEGATIVE_INFINITY;
  #isOn = false;

  constructor(options: MeteringOptions) {
    this.#options = options;
    const { scene, seed } = options;
    this.#random = new Random((seed ^ SALT) >>> 0);
    scene.under.config = { modbusMeter: { baud: 9600, address: 1, type: "sdm630" } };
    this.meter = new ModbusMeterDevice({ clock: scene.clock, line: scene.device.modbus, type: "sdm630" });
    this.meter.energyWh = FIRST_WH;
  }

  /** Shows the energy and power that flow through the meter. */
  show(totalWh: number, watts: number): void {
    this.meter.energyWh = FIRST_WH + totalWh;
    const volts = 230;
    const currentA = watts / volts / 3;
    this.meter.quantities = {
      powerW: watts,
      currentsA: [currentA, currentA, currentA],
      voltagesV: [volts, volts, volts],
    };
  }

  /** The meter had a fault since a time, or shortly before. */
  wasFaultySince(sinceMs: number): boolean {
    if (this.meter.fault !== undefined) this.#faultyMs = this.#now;
    return this.#faultyMs >= sinceMs - AROUND_MS;
  }

  /** Begins faults of the meter from time to time. */
  start(): void {
    this.#options.eventLog.count("modbus meter");
    this.#isOn = true;
    this.#scheduleNext();
  }

  /** Ends the faults. */
  heal(): void {
    this.#isOn = false;
    this.#set(undefined);
  }

  get #now(): number {
    return this.#options.scene.clock.monotonicMs();
  }

  #scheduleNext(): void {
    this.#options.scene.clock.set(
      () => {
        if (!this.#isOn) return;
        this.#begin(this.#random.pick(FAULTS));
        this.#scheduleNext();
      },
      exponential(this.#random, MEAN_GAP_MS),
    );
  }

  #begin(fault: MeterFault): void {
    const lastsMs = logUniform(this.#random, MIN_LASTS_MS, MAX_LASTS_MS);
    this.#options.eventLog.record(`the meter is ${fault}, for ${Math.round(lastsMs / 1000)} s`);
    this.#options.eventLog.count(`meter ${fault}`);
    this.#set(fault);
    this.#options.scene.clock.set(() => this.#set(undefined), lastsMs);
  }

  #set(fault: MeterFault | undefined): void {
    if (this.meter.fault !== undefined || fault !== undefined) this.#faultyMs = this.#now;
    this.meter.fault = fault;
  }
}
