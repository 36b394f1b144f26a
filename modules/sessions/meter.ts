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
  private _clock: Clock;
  private _pulsesPerKWh: number;
  private _startWh: number;
  private _counter: PulseCount | undefined;
  private _pulses = 0;
  /** Since when, and from what count on, power is measured. */
  private _window: { readonly sinceMs: number; readonly pulses: number };
  private _lastPulseMs: number;
  private _powerW = 0;

  constructor({ board, pulsesPerKWh, startWh, onChanged }: MeterOptions) {
    const { clock, io, pins } = board;
    this._clock = clock;
    this._pulsesPerKWh = pulsesPerKWh;
    this._startWh = startWh;
    this._lastPulseMs = clock.monotonicMs();
    this._window = { sinceMs: this._lastPulseMs, pulses: 0 };
    if (pins.meter === undefined) return;
    this._counter = new io.PulseCount({
      pin: pins.meter,
      onReadable: () => {
        if (!this._count()) return;
        this._measurePower();
        onChanged();
      },
    });
  }

  get isThere(): boolean {
    return this._counter !== undefined;
  }

  /** The reading, in whole Wh. */
  get energyWh(): number {
    this._count();
    return this._startWh + Math.floor(this._whOf(this._pulses));
  }

  /** In W. Falls while the next pulse is awaited: a meter says nothing when no current flows. */
  get powerW(): number {
    const silentMs = Math.max(1, this._clock.monotonicMs() - this._lastPulseMs);
    return Math.round(Math.min(this._powerW, (this._whOf(1) * W_PER_WH_MS) / silentMs));
  }

  close(): void {
    this._counter?.close();
    this._counter = undefined;
  }

  private _whOf(pulses: number): number {
    return (pulses * 1000) / this._pulsesPerKWh;
  }

  /** A counter that goes back, or gives no number, is not believed. */
  private _count(): boolean {
    const pulses = this._counter?.read() ?? 0;
    if (!Number.isFinite(pulses) || pulses <= this._pulses) return false;
    this._pulses = pulses;
    return true;
  }

  private _measurePower(): void {
    const now = this._clock.monotonicMs();
    const { sinceMs, pulses } = this._window;
    const isFirst = now - this._lastPulseMs > SILENCE_MS;
    this._lastPulseMs = now;
    if (!isFirst && now - sinceMs < POWER_WINDOW_MS) return;
    this._powerW = isFirst ? 0 : (this._whOf(this._pulses - pulses) * W_PER_WH_MS) / (now - sinceMs);
    this._window = { sinceMs: now, pulses: this._pulses };
  }
}
