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
  DigitalOutConstructor,
  PilotLevels,
  PinSpecifier,
  PulseCount,
  PulseCountConstructor,
  Timer,
} from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import type { Hardware } from "./hardware.js";

const PILOT_HZ = 1000;
const PILOT_RESOLUTION_BITS = 10;
const MAX_DUTY = 2 ** PILOT_RESOLUTION_BITS - 1;
const SAMPLE_PERIOD_MS = 50;
/** A 6 A offer is high for a tenth of the time: 100 samples miss all of it once in 37,000 measurements. */
const SAMPLES = 100;
/** What the ADC's highest reading stands for at 12 dB (modules/io/analog/esp32/_analog.c). */
const ADC_FULL_SCALE_MV = 2450;
const ATTENUATION_DB = 12;
/** Moves of less than this are noise; the states are 3 V apart. */
const NOISE_MV = 500;

/** Inputs to ground, with the chip's own pull-up: low is active. */
class LowActiveInput {
  #native: Digital | undefined;

  constructor(pin: PinSpecifier, edge: number, onEdge: () => void) {
    this.#native = new Digital({
      pin: Number(pin),
      mode: Digital.InputPullUp,
      edge,
      onReadable: () => {
        if (this.#native) onEdge();
      },
    });
  }

  read(): 0 | 1 {
    if (!this.#native) throw new Error("the pin is closed");
    return this.#native.read() === 0 ? 1 : 0;
  }

  close(): void {
    this.#native?.close();
    this.#native = undefined;
  }
}

export function makeDigitalIn(guard: Guard): DigitalInConstructor {
  return class ChipDigitalIn extends LowActiveInput implements DigitalIn {
    constructor({ pin, onReadable }: { pin: PinSpecifier; onReadable?(): void }) {
      super(pin, Digital.Rising | Digital.Falling, () => guard.run(() => onReadable?.()));
    }
  };
}

/** Edges are told as messages: while the engine is busy for longer than a pulse, two of them are one. */
export function makePulseCount(guard: Guard): PulseCountConstructor {
  return class ChipPulseCount implements PulseCount {
    readonly #input: LowActiveInput;
    #count = 0;

    constructor({ pin, onReadable }: { pin: PinSpecifier; onReadable?(): void }) {
      this.#input = new LowActiveInput(pin, Digital.Falling, () => {
        this.#count++;
        guard.run(() => onReadable?.());
      });
    }

    read(): number {
      this.#input.read();
      return this.#count;
    }

    close(): void {
      this.#input.close();
    }
  };
}

export function makeDigitalOut(): DigitalOutConstructor {
  return class ChipDigitalOut implements DigitalOut {
    readonly #native: Digital;
    #isClosed = false;

    constructor({ pin }: { pin: number | string }) {
      this.#native = new Digital({ pin: Number(pin), mode: Digital.Output, initialValue: 0 });
    }

    write(value: 0 | 1): void {
      if (this.#isClosed) throw new Error("the pin is closed");
      this.#native.write(value);
    }

    close(): void {
      if (this.#isClosed) return;
      this.#native.write(0);
      this.#native.close();
      this.#isClosed = true;
    }
  };
}

/** The control pilot by PWM and ADC: each measurement is the highest and the lowest of many samples. */
export function makeControlPilot(hardware: Hardware["controlPilot"], clock: Clock): ControlPilotConstructor {
  return class ChipControlPilot implements ControlPilot {
    readonly #generator = new PWM({
      pin: hardware.generatorPin,
      hz: PILOT_HZ,
      resolution: PILOT_RESOLUTION_BITS,
    });
    readonly #adc = new Analog({ pin: hardware.adcPin, esp32: { attenuation: ATTENUATION_DB } });
    readonly #onReadable: (() => void) | undefined;
    readonly #timer: Timer;
    #levels: PilotLevels;
    #isClosed = false;

    constructor({ onReadable }: ControlPilotOptions) {
      this.#onReadable = onReadable;
      this.#generator.write(MAX_DUTY);
      this.#levels = this.#measure();
      this.#timer = clock.repeat(() => this.#look(), SAMPLE_PERIOD_MS);
    }

    /** Measured anew: a reading that was kept would confirm itself. */
    read(): PilotLevels {
      if (this.#isClosed) throw new Error("the pin is closed");
      this.#levels = this.#measure();
      return this.#levels;
    }

    write(dutyPermille: number): void {
      if (this.#isClosed) throw new Error("the pin is closed");
      if (!(dutyPermille >= 0 && dutyPermille <= 1000)) throw new RangeError(`invalid duty ${dutyPermille}`);
      // Never more than was asked for: it is a current.
      this.#generator.write(Math.floor((dutyPermille * MAX_DUTY) / 1000));
    }

    close(): void {
      if (this.#isClosed) return;
      this.#isClosed = true;
      clock.clear(this.#timer);
      this.#generator.write(MAX_DUTY);
      this.#adc.close();
    }

    #look(): void {
      const levels = this.#measure();
      const moved = Math.max(
        Math.abs(levels.highMv - this.#levels.highMv),
        Math.abs(levels.lowMv - this.#levels.lowMv),
      );
      if (moved < NOISE_MV) return;
      this.#levels = levels;
      this.#onReadable?.();
    }

    #measure(): PilotLevels {
      let high = 0;
      let low = Number.MAX_SAFE_INTEGER;
      for (let i = 0; i < SAMPLES; i++) {
        const sample = this.#adc.read();
        if (sample > high) high = sample;
        if (sample < low) low = sample;
      }
      return { highMv: this.#pilotMv(high), lowMv: this.#pilotMv(low) };
    }

    #pilotMv(sample: number): number {
      const adcMv = (sample * ADC_FULL_SCALE_MV) / (2 ** this.#adc.resolution - 1);
      return Math.round((adcMv - hardware.zeroMv) * hardware.divider);
    }
  };
}
