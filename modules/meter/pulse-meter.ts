import type { Board, Clock, PulseCount } from "../board/index.js";
import type { EnergyMeter } from "./energy-meter.js";

export interface PulseMeterOptions {
  readonly board: Pick<Board, "clock" | "io" | "pins">;
  /** Meter constant, imp/kWh, as printed on the meter. */
  readonly pulsesPerKWh: number;
  /** Reading at the start, Wh. */
  readonly startWh: number;
  /** Called after each count of pulses. */
  readonly onChanged: () => void;
}

/** Minimum duration of a power measurement, ms. */
const POWER_WINDOW_MS = 5000;
/** Time without pulses after which the next pulse starts a new measurement, ms. */
const SILENCE_MS = 60_000;
/** Factor from Wh/ms to W. */
const W_PER_WH_MS = 3_600_000;

/** Energy meter on the S0 input. Its reading never decreases; without an S0 input it stays constant. */
export class PulseMeter implements EnergyMeter {
  private readonly _clock: Clock;
  private readonly _pulsesPerKWh: number;
  private readonly _startWh: number;
  private _counter: PulseCount | undefined;
  private _pulses = 0;
  /** Time and pulse count at the start of the current power measurement. */
  private _window: { readonly sinceMs: number; readonly pulses: number };
  private _lastPulseMs: number;
  private _powerW = 0;

  constructor({ board, pulsesPerKWh, startWh, onChanged }: PulseMeterOptions) {
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
        if (!this._readCounter()) return;
        this._updatePower();
        onChanged();
      },
    });
  }

  /** Whether the station has a meter. */
  get isThere(): boolean {
    return this._counter !== undefined;
  }

  /** Reading in whole Wh. */
  get energyWh(): number {
    this._readCounter();
    return this._startWh + Math.floor(this._whOf(this._pulses));
  }

  /** Power in W. It decays while no pulse arrives, because a meter sends no pulse at 0 W. */
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

  /** Reads the counter; returns whether it has increased. Lower values and non-numbers are ignored. */
  private _readCounter(): boolean {
    const pulses = this._counter?.read() ?? 0;
    if (!Number.isFinite(pulses) || pulses <= this._pulses) return false;
    this._pulses = pulses;
    return true;
  }

  private _updatePower(): void {
    const now = this._clock.monotonicMs();
    const { sinceMs, pulses } = this._window;
    const isFirst = now - this._lastPulseMs > SILENCE_MS;
    this._lastPulseMs = now;
    if (!isFirst && now - sinceMs < POWER_WINDOW_MS) return;
    this._powerW = isFirst ? 0 : (this._whOf(this._pulses - pulses) * W_PER_WH_MS) / (now - sinceMs);
    this._window = { sinceMs: now, pulses: this._pulses };
  }
}
