import Analog from "embedded:io/analog";
import Digital from "embedded:io/digital";
import PWM from "embedded:io/pwm";
import type {
  Clock,
  ControlPilot,
  ControlPilotConstructor,
  ControlPilotOptions,
  DigitalIn,
  DigitalInConstructor,
  DigitalOut,
  PilotLevels,
  PinSpecifier,
  PulseCount,
  PulseCountConstructor,
  Timer,
} from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { PulseDebouncer } from "../pulse-debouncer.js";
import { withParts } from "../with-parts.js";
import type { Hardware } from "./hardware.js";

const PILOT_HZ = 1000;
const PILOT_RESOLUTION_BITS = 10;
const MAX_DUTY = 2 ** PILOT_RESOLUTION_BITS - 1;
/** Interval of pilot measurements, ms. */
const SAMPLE_PERIOD_MS = 50;
/**
 * Number of samples per pilot measurement. The pilot of a 6 A offer is high for a tenth of the time: 100 samples miss
 * the high level once in 37,000 measurements.
 */
const SAMPLES = 100;
/** Voltage of the ADC's highest reading at 12 dB, mV (modules/io/analog/esp32/_analog.c). */
const ADC_FULL_SCALE_MV = 2450;
const ATTENUATION_DB = 12;
/** Minimum change of the pilot voltage that is reported, mV. Smaller ones are noise; the states are 3 V apart. */
const NOISE_MV = 500;

/** A low-active input with the chip's internal pull-up. */
class LowActiveInput {
  private _native: Digital | undefined;

  constructor(pin: PinSpecifier, edge: number, onEdge: () => void) {
    this._native = new Digital({
      pin: Number(pin),
      mode: Digital.InputPullUp,
      edge,
      onReadable: () => {
        if (this._native) onEdge();
      },
    });
  }

  read(): 0 | 1 {
    if (!this._native) throw new Error("the pin is closed");
    return this._native.read() === 0 ? 1 : 0;
  }

  close(): void {
    this._native?.close();
    this._native = undefined;
  }
}

export function makeDigitalIn(guard: Guard): DigitalInConstructor {
  return withParts(ChipDigitalIn, guard);
}

interface InputOptions {
  readonly pin: PinSpecifier;
  onReadable?(): void;
}

class ChipDigitalIn extends LowActiveInput implements DigitalIn {
  constructor({ pin, onReadable }: InputOptions, guard: Guard) {
    super(pin, Digital.Rising | Digital.Falling, () => guard.run(() => onReadable?.()));
  }
}

/**
 * Counts pulses in software: the glitch filter of the ESP32's pulse counter is limited to 13 µs, and the ESP32-C3 has
 * no pulse counter. Edges arrive as messages: pulses are lost while the engine is busy for longer than one pulse.
 */
export function makePulseCount(guard: Guard, clock: Clock): PulseCountConstructor {
  return withParts(ChipPulseCount, { guard, clock });
}

interface PulseCountParts {
  readonly guard: Guard;
  readonly clock: Clock;
}

class ChipPulseCount implements PulseCount {
  private readonly _input: LowActiveInput;
  private readonly _debouncer: PulseDebouncer;
  private _count = 0;

  constructor({ pin, onReadable }: InputOptions, { guard, clock }: PulseCountParts) {
    this._input = new LowActiveInput(pin, Digital.Rising | Digital.Falling, () =>
      this._debouncer.handleEdge(),
    );
    this._debouncer = new PulseDebouncer({
      clock,
      read: () => this._input.read(),
      onPulse: () => {
        this._count++;
        guard.run(() => onReadable?.());
      },
    });
  }

  read(): number {
    this._input.read();
    return this._count;
  }

  close(): void {
    this._debouncer.close();
    this._input.close();
  }
}

export class ChipDigitalOut implements DigitalOut {
  private readonly _native: Digital;
  private _isClosed = false;

  constructor({ pin }: { pin: number | string }) {
    this._native = new Digital({ pin: Number(pin), mode: Digital.Output, initialValue: 0 });
  }

  write(value: 0 | 1): void {
    if (this._isClosed) throw new Error("the pin is closed");
    this._native.write(value);
  }

  close(): void {
    if (this._isClosed) return;
    this._native.write(0);
    this._native.close();
    this._isClosed = true;
  }
}

/** Returns the control pilot over PWM and ADC. A measurement is the highest and the lowest of many samples. */
export function makeControlPilot(hardware: Hardware["controlPilot"], clock: Clock): ControlPilotConstructor {
  return withParts(ChipControlPilot, { hardware, clock });
}

interface ControlPilotParts {
  readonly hardware: Hardware["controlPilot"];
  readonly clock: Clock;
}

class ChipControlPilot implements ControlPilot {
  private readonly _parts: ControlPilotParts;
  private readonly _generator: PWM;
  private readonly _adc: Analog;
  private readonly _onReadable: (() => void) | undefined;
  private readonly _timer: Timer;
  private _levels: PilotLevels;
  private _isClosed = false;

  constructor({ onReadable }: ControlPilotOptions, parts: ControlPilotParts) {
    const { hardware, clock } = parts;
    this._parts = parts;
    this._onReadable = onReadable;
    this._generator = new PWM({
      pin: hardware.generatorPin,
      hz: PILOT_HZ,
      resolution: PILOT_RESOLUTION_BITS,
    });
    this._adc = new Analog({ pin: hardware.adcPin, esp32: { attenuation: ATTENUATION_DB } });
    this._generator.write(MAX_DUTY);
    this._levels = this._measure();
    this._timer = clock.repeat(() => this._sample(), SAMPLE_PERIOD_MS);
  }

  /** Measures at each call: a cached reading would confirm itself. */
  read(): PilotLevels {
    if (this._isClosed) throw new Error("the pin is closed");
    this._levels = this._measure();
    return this._levels;
  }

  write(dutyPermille: number): void {
    if (this._isClosed) throw new Error("the pin is closed");
    if (!(dutyPermille >= 0 && dutyPermille <= 1000)) throw new RangeError(`invalid duty ${dutyPermille}`);
    // Round down: the duty cycle must not offer more current than requested.
    this._generator.write(Math.floor((dutyPermille * MAX_DUTY) / 1000));
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    this._parts.clock.clear(this._timer);
    this._generator.write(MAX_DUTY);
    this._adc.close();
  }

  private _sample(): void {
    const levels = this._measure();
    const moved = Math.max(
      Math.abs(levels.highMv - this._levels.highMv),
      Math.abs(levels.lowMv - this._levels.lowMv),
    );
    if (moved < NOISE_MV) return;
    this._levels = levels;
    this._onReadable?.();
  }

  private _measure(): PilotLevels {
    let high = 0;
    let low = Number.MAX_SAFE_INTEGER;
    for (let i = 0; i < SAMPLES; i++) {
      const sample = this._adc.read();
      if (sample > high) high = sample;
      if (sample < low) low = sample;
    }
    return { highMv: this._pilotMv(high), lowMv: this._pilotMv(low) };
  }

  private _pilotMv(sample: number): number {
    const adcMv = (sample * ADC_FULL_SCALE_MV) / (2 ** this._adc.resolution - 1);
    const { hardware } = this._parts;
    return Math.round((adcMv - hardware.zeroMv) * hardware.divider);
  }
}
