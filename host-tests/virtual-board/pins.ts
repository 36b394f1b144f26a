import type {
  ControlPilot,
  ControlPilotConstructor,
  ControlPilotOptions,
  DigitalOut,
  DigitalOutConstructor,
  PilotLevels,
  PinSpecifier,
} from "../../modules/board/index.js";
import type { Vehicle } from "../world/vehicle.js";
import type { Life } from "./life.js";

export const PINS = { controlPilot: "control-pilot", contactor: "contactor" } as const;

/** The pins of one run of the firmware, wired to a vehicle. At its end the contactor opens, as relays do. */
export function makePins(
  vehicle: Vehicle,
  life: Life,
): { DigitalOut: DigitalOutConstructor; ControlPilot: ControlPilotConstructor } {
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

  return { DigitalOut: VirtualDigitalOut, ControlPilot: VirtualControlPilot };
}
