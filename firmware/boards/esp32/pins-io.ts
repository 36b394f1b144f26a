import Digital from "embedded:io/digital";
import type {
  Clock,
  DigitalIn,
  DigitalInConstructor,
  DigitalOut,
  PinSpecifier,
  PulseCount,
  PulseCountConstructor,
} from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { PulseDebouncer } from "../pulse-debouncer.js";
import { withParts } from "../with-parts.js";

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
