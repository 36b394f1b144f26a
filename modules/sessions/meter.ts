import type { Board, Clock, IO, PulseCount } from "../board/index.js";

export interface MeterOptions {
  readonly board: Pick<Board, "clock" | "io" | "pins">;
  /** The meter's constant, as printed on it (imp/kWh). */
  readonly pulsesPerKWh: number;
  /** Where it goes on counting, in Wh. */
  readonly startWh: number;
  readonly onChanged: () => void;
}

/** Power is measured over at least this. */
const POWER_WINDOW_MS = 5000;
/** After it a pulse is the first of a new measurement. */
const SILENCE_MS = 60_000;
/** W in a Wh/ms. */
const W_PER_WH_MS = 3_600_000;

/** The energy meter behind a station's S0 input; a station without one counts nothing. Energy never runs backwards. */
export class Meter implements IO {
  #clock: Clock;
  #pulsesPerKWh: number;
  #startWh: number;
  #counter: PulseCount | undefined;
  #pulses = 0;
  /** Since when, and from what count on, power is measured. */
  #window: { readonly sinceMs: number; readonly pulses: number };
  #lastPulseMs: number;
  #powerW = 0;

  constructor({ board, pulsesPerKWh, startWh, onChanged }: MeterOptions) {
    const { clock, io, pins } = board;
    this.#clock = clock;
    this.#pulsesPerKWh = pulsesPerKWh;
    this.#startWh = startWh;
    this.#lastPulseMs = clock.monotonicMs();
    this.#window = { sinceMs: this.#lastPulseMs, pulses: 0 };
    if (pins.meter === undefined) return;
    this.#counter = new io.PulseCount({
      pin: pins.meter,
      onReadable: () => {
        if (!this.#count()) return;
        this.#measurePower();
        onChanged();
      },
    });
  }

  get isThere(): boolean {
    return this.#counter !== undefined;
  }

  /** The reading, in whole Wh. */
  get energyWh(): number {
    this.#count();
    return this.#startWh + Math.floor(this.#whOf(this.#pulses));
  }

  /** In W. Falls while the next pulse is awaited: a meter says nothing when no current flows. */
  get powerW(): number {
    const silentMs = Math.max(1, this.#clock.monotonicMs() - this.#lastPulseMs);
    return Math.round(Math.min(this.#powerW, (this.#whOf(1) * W_PER_WH_MS) / silentMs));
  }

  close(): void {
    this.#counter?.close();
    this.#counter = undefined;
  }

  #whOf(pulses: number): number {
    return (pulses * 1000) / this.#pulsesPerKWh;
  }

  /** A counter that goes back is not believed. */
  #count(): boolean {
    const pulses = this.#counter?.read() ?? 0;
    if (pulses <= this.#pulses) return false;
    this.#pulses = pulses;
    return true;
  }

  #measurePower(): void {
    const now = this.#clock.monotonicMs();
    const { sinceMs, pulses } = this.#window;
    const isFirst = now - this.#lastPulseMs > SILENCE_MS;
    this.#lastPulseMs = now;
    if (!isFirst && now - sinceMs < POWER_WINDOW_MS) return;
    this.#powerW = isFirst ? 0 : (this.#whOf(this.#pulses - pulses) * W_PER_WH_MS) / (now - sinceMs);
    this.#window = { sinceMs: now, pulses: this.#pulses };
  }
}
