import type {
  BoardIO,
  ControlPilot,
  ControlPilotOptions,
  DigitalIn,
  DigitalOut,
  PilotLevels,
  PinSpecifier,
  PulseCount,
  Serial,
  SerialOptions,
} from "../../modules/board/index.js";
import { concatBytes } from "../../modules/bytes/index.js";
import type { Vehicle } from "../world/vehicle.js";
import type { Button, Meter, SerialSender } from "../world/wiring.js";
import type { Life } from "./life.js";

export const PINS = {
  controlPilot: "control-pilot",
  contactor: "contactor",
  button: "button",
  meter: "meter",
  cardReader: "card-reader",
} as const;

/** What the pins of a device are wired to. */
export interface Wiring {
  readonly vehicle: Vehicle;
  readonly button: Button;
  readonly meter: Meter;
  readonly cardReader: SerialSender;
}

/** The UART's own buffer (UART_HW_FIFO_LEN). */
const SERIAL_BUFFER_BYTES = 128;

type PinConstructors = Pick<BoardIO, "ControlPilot" | "DigitalIn" | "DigitalOut" | "PulseCount" | "Serial">;

/** The pins of one run of the firmware. At its end the contactor opens, as relays do. */
export function makePins({ vehicle, button, meter, cardReader }: Wiring, life: Life): PinConstructors {
  const taken = new Set<PinSpecifier>();

  function take(pin: PinSpecifier, expected: string): () => void {
    if (pin !== expected) throw new Error(`pin ${pin} cannot do that; ${expected} can`);
    if (taken.has(pin)) throw new Error(`pin ${pin} is in use`);
    taken.add(pin);
    return () => taken.delete(pin);
  }

  class VirtualDigitalOut implements DigitalOut {
    readonly #release: () => void;
    #isClosed = false;

    constructor({ pin }: { pin: PinSpecifier }) {
      const give = take(pin, PINS.contactor);
      vehicle.switchContactor(false);
      this.#release = life.hold(() => {
        this.#isClosed = true;
        give();
        vehicle.switchContactor(false);
      });
    }

    write(value: 0 | 1): void {
      if (this.#isClosed) throw new Error("the pin is closed");
      vehicle.switchContactor(value === 1);
    }

    close(): void {
      this.#release();
    }
  }

  class VirtualControlPilot implements ControlPilot {
    readonly #release: () => void;
    #isClosed = false;
    #last: PilotLevels;

    constructor({ pin, onReadable }: ControlPilotOptions) {
      const give = take(pin, PINS.controlPilot);
      vehicle.offer(1000);
      this.#last = vehicle.levels;
      const unwatch = vehicle.watch(() => {
        const { highMv, lowMv } = vehicle.levels;
        if (highMv === this.#last.highMv && lowMv === this.#last.lowMv) return;
        this.#last = { highMv, lowMv };
        life.soon(() => {
          if (!this.#isClosed) onReadable?.();
        });
      });
      this.#release = life.hold(() => {
        this.#isClosed = true;
        unwatch();
        give();
        vehicle.offer(1000);
      });
    }

    read(): PilotLevels {
      if (this.#isClosed) throw new Error("the pin is closed");
      return vehicle.levels;
    }

    write(dutyPermille: number): void {
      if (this.#isClosed) throw new Error("the pin is closed");
      if (!(dutyPermille >= 0 && dutyPermille <= 1000)) throw new RangeError(`invalid duty ${dutyPermille}`);
      vehicle.offer(dutyPermille);
    }

    close(): void {
      this.#release();
    }
  }

  class VirtualDigitalIn implements DigitalIn {
    readonly #release: () => void;
    #isClosed = false;

    constructor({ pin, onReadable }: { pin: PinSpecifier; onReadable?(): void }) {
      const give = take(pin, PINS.button);
      const unwatch = button.watch(() => {
        life.soon(() => {
          if (!this.#isClosed) onReadable?.();
        });
      });
      this.#release = life.hold(() => {
        this.#isClosed = true;
        unwatch();
        give();
      });
    }

    read(): 0 | 1 {
      if (this.#isClosed) throw new Error("the pin is closed");
      return button.isPressed ? 1 : 0;
    }

    close(): void {
      this.#release();
    }
  }

  class VirtualPulseCount implements PulseCount {
    readonly #release: () => void;
    #isClosed = false;
    #count = 0;

    constructor({ pin, onReadable }: { pin: PinSpecifier; onReadable?(): void }) {
      const give = take(pin, PINS.meter);
      const unwatch = meter.watch((count) => {
        this.#count += count;
        life.soon(() => {
          if (!this.#isClosed) onReadable?.();
        });
      });
      this.#release = life.hold(() => {
        this.#isClosed = true;
        unwatch();
        give();
      });
    }

    read(): number {
      if (this.#isClosed) throw new Error("the pin is closed");
      return this.#count;
    }

    close(): void {
      this.#release();
    }
  }

  class VirtualSerial implements Serial {
    readonly #release: () => void;
    #isClosed = false;
    #waiting: Uint8Array<ArrayBuffer> = new Uint8Array(0);

    constructor({ pin, baud, onReadable }: SerialOptions) {
      const give = take(pin, PINS.cardReader);
      const unwatch = cardReader.watch((bytes) => {
        // At another speed everything is noise: what comes is no byte that was sent.
        const heard = baud === cardReader.baud ? bytes : bytes.map((byte) => byte ^ 0xff);
        this.#waiting = concatBytes(this.#waiting, heard).slice(0, SERIAL_BUFFER_BYTES);
        life.soon(() => {
          if (!this.#isClosed && this.#waiting.length > 0) onReadable?.(this.#waiting.length);
        });
      });
      this.#release = life.hold(() => {
        this.#isClosed = true;
        unwatch();
        give();
      });
    }

    read(): ArrayBuffer | undefined {
      if (this.#isClosed) throw new Error("the pin is closed");
      if (this.#waiting.length === 0) return undefined;
      const bytes = this.#waiting;
      this.#waiting = new Uint8Array(0);
      return bytes.buffer;
    }

    close(): void {
      this.#release();
    }
  }

  return {
    ControlPilot: VirtualControlPilot,
    DigitalIn: VirtualDigitalIn,
    DigitalOut: VirtualDigitalOut,
    PulseCount: VirtualPulseCount,
    Serial: VirtualSerial,
  };
}
