import type { Clock, MemoryUse } from "../../../modules/board/index.js";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import { formatJSON } from "../../../modules/json/index.js";

/** Voltage of the pilot at +12 V of the generator in each state (IEC 61851-1 table A.2), mV. */
const STATES_MV: Readonly<Record<string, number>> = {
  A: 12_000,
  B: 9000,
  C: 6000,
  D: 3000,
  E: 0,
  F: -12_000,
};
const GENERATOR_MV = 12_000;
const STEADY_PERMILLE = 1000;
/** Maximum length of a command, bytes. Longer lines are dropped. */
const MAX_LINE_BYTES = 64;
const NEWLINE = 10;

/** Period of the timer of `hold`, ms. */
const HOLD_PERIOD_MS = 5;
/** Interval at which the contactor is looked at, ms. */
const SHOW_PERIOD_MS = 50;

export const BENCH_COMMANDS = "pilot, stall, halt, clock, crash, time, heap or hold";

/** Functions of the chip that the bench uses. */
export interface BenchOptions {
  log(line: string): void;
  /** The memory of the chip and of the engine. */
  memory(): MemoryUse;
  readonly clock: Pick<Clock, "monotonicMs" | "repeat">;
  /** Sets the wall clock, ms since 1970-01-01 UTC. */
  setEpoch(epochMs: number): void;
  /** Sets the voltages of the pilot after a time. The guard measures them. */
  setPilot(highMv: number, lowMv: number, delayMs: number): void;
  /** Halts the engine's task for a time. */
  halt(durationMs: number): void;
  /** Time from the latest change of the pilot to the latest opening of the contactor, ms. */
  openedAfterMs(): number;
  /** State of the contactor's pin. */
  isContactorClosed(): boolean;
}

/**
 * The bench of the emulated chip: a vehicle and instruments that a test drives by lines on the console.
 *
 * - `pilot A` … `pilot F`, `pilot <mV>` or `pilot <mV> <mV>` sets the highest and the lowest voltage of the pilot. The
 *   lowest is −12,000 mV by default. It shows only while the generator makes pulses.
 * - `stall <ms> <delay> <state>` lets the engine compute for this time; the vehicle changes to the state after the delay, ms.
 * - `halt <ms> <delay> <state>` halts the engine's task instead.
 * - `clock <ms>` sets the wall clock, which no time server of the test network does.
 * - `crash` throws an exception.
 * - `time` and `heap` answer with a line.
 * - `hold` answers with the longest time, ms, that a timer was late since the last `hold`. The first one starts the timer.
 */
export class Bench {
  private readonly _options: BenchOptions;
  private _isClosed = false;
  private _dutyPermille = STEADY_PERMILLE;
  private _line: number[] = [];
  /** Time of the last run of the timer of `hold`, ms; `undefined` before the first `hold`. */
  private _ranMs: number | undefined;
  private _holdMs = 0;

  constructor(options: BenchOptions) {
    this._options = options;
    options.clock.repeat(() => this._showContactor(), SHOW_PERIOD_MS);
  }

  setDuty(dutyPermille: number): void {
    if (dutyPermille === this._dutyPermille) return;
    this._dutyPermille = dutyPermille;
    this._options.log(`bench: duty ${dutyPermille}`);
  }

  /** Accepts bytes of the console. */
  receive(bytes: ArrayBuffer): void {
    for (const byte of new Uint8Array(bytes)) {
      if (byte !== NEWLINE) {
        if (this._line.length <= MAX_LINE_BYTES) this._line.push(byte);
        continue;
      }
      const line = this._line;
      this._line = [];
      if (line.length <= MAX_LINE_BYTES) this._execute(decodeUTF8(Uint8Array.from(line)) ?? "");
    }
  }

  private _execute(line: string): void {
    const [command, ...words] = line.trim().split(" ");
    switch (command) {
      case "":
        return;
      case "pilot":
        this._setPilot(words);
        return;
      case "stall":
      case "halt":
        this._stop(command, words);
        return;
      case "time":
        this._options.log(`bench: time ${1000 * this._options.clock.monotonicMs()}`);
        return;
      case "heap":
        this._options.log(`bench: heap ${formatJSON(this._options.memory())}`);
        return;
      case "hold":
        this._reportHold();
        return;
      case "clock":
        this._setClock(Number(words[0]));
        return;
      case "crash":
        throw new Error("requested by the bench");
      default:
        this._options.log(`bench: unknown command ${command}; use ${BENCH_COMMANDS}`);
    }
  }

  private _setClock(epochMs: number): void {
    if (!(epochMs > 0)) {
      this._options.log("bench: invalid clock; use milliseconds since 1970");
      return;
    }
    this._options.setEpoch(epochMs);
    this._options.log(`bench: clock ${epochMs}`);
  }

  private _reportHold(): void {
    const { clock, log } = this._options;
    if (this._ranMs === undefined) {
      this._ranMs = clock.monotonicMs();
      clock.repeat(() => this._measureHold(), HOLD_PERIOD_MS);
    }
    this._measureHold();
    log(`bench: hold ${this._holdMs}`);
    this._holdMs = 0;
  }

  private _measureHold(): void {
    const nowMs = this._options.clock.monotonicMs();
    this._holdMs = Math.max(this._holdMs, nowMs - (this._ranMs ?? nowMs) - HOLD_PERIOD_MS);
    this._ranMs = nowMs;
  }

  private _setPilot([high = "", low = String(-GENERATOR_MV)]: string[]): void {
    const highMv = STATES_MV[high] ?? Number(high || Number.NaN);
    const lowMv = Number(low);
    if (!Number.isInteger(highMv) || !Number.isInteger(lowMv)) {
      this._options.log("bench: invalid voltage; use A-F or mV");
      return;
    }
    this._options.setPilot(highMv, lowMv, 0);
    this._options.log(`bench: pilot ${highMv} ${lowMv}`);
  }

  /** Stops the engine for a time: no other code of it runs. */
  private _stop(command: "stall" | "halt", [duration, delay, state = ""]: string[]): void {
    const { clock, log, halt, openedAfterMs, setPilot } = this._options;
    const [durationMs, delayMs, highMv] = [Number(duration), Number(delay), STATES_MV[state]];
    if (!Number.isInteger(durationMs) || !Number.isInteger(delayMs) || highMv === undefined) {
      log(`bench: invalid ${command}; use ms, ms, A-F`);
      return;
    }
    const untilMs = clock.monotonicMs() + durationMs;
    setPilot(highMv, -GENERATOR_MV, delayMs);
    if (command === "halt") halt(durationMs);
    else while (clock.monotonicMs() < untilMs);
    log(`bench: ${command} of ${durationMs} ms; opened after ${openedAfterMs()} ms`);
  }

  private _showContactor(): void {
    const isClosed = this._options.isContactorClosed();
    if (isClosed === this._isClosed) return;
    this._isClosed = isClosed;
    this._options.log(`bench: contactor ${isClosed ? "closed" : "open"}`);
  }
}
