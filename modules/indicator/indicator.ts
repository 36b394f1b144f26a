import type { Board, DigitalOut, IO, Timer } from "../board/index.js";
import type { StationStatus } from "../charging/index.js";
import { type Pattern, SIGNAL_PATTERNS, type Signal, STATUS_PATTERNS } from "./patterns.js";

export type { Signal } from "./patterns.js";

export interface IndicatorOptions {
  readonly board: Pick<Board, "clock" | "io" | "pins">;
}

/**
 * The lamp and the buzzer that a station may have. The lamp shows the status; what becomes of a card is shown and
 * heard once, and the lamp goes back to the status. A further signal takes the place of one that is not over.
 */
export class Indicator implements IO {
  #clock: Board["clock"];
  #lamp: DigitalOut | undefined;
  #buzzer: DigitalOut | undefined;
  #status: StationStatus = "available";
  #timer: Timer | undefined;
  #isSignalling = false;

  constructor({ board: { clock, io, pins } }: IndicatorOptions) {
    this.#clock = clock;
    if (pins.lamp !== undefined) this.#lamp = new io.DigitalOut({ pin: pins.lamp });
    if (pins.buzzer !== undefined) this.#buzzer = new io.DigitalOut({ pin: pins.buzzer });
  }

  show(status: StationStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    if (!this.#isSignalling) this.#showStatus();
  }

  signal(signal: Signal): void {
    if (!this.#lamp && !this.#buzzer) return;
    this.#isSignalling = true;
    this.#play(SIGNAL_PATTERNS[signal], 0);
  }

  close(): void {
    this.#clock.clear(this.#timer);
    this.#lamp?.close();
    this.#buzzer?.close();
    this.#lamp = undefined;
    this.#buzzer = undefined;
  }

  #play(pattern: Pattern, step: number): void {
    this.#clock.clear(this.#timer);
    const durationMs = pattern[step];
    if (durationMs === undefined) {
      this.#isSignalling = false;
      this.#showStatus();
      return;
    }
    this.#lamp?.write(isOn(step));
    this.#buzzer?.write(isOn(step));
    this.#timer = this.#clock.set(() => this.#play(pattern, step + 1), durationMs);
  }

  #showStatus(): void {
    this.#clock.clear(this.#timer);
    if (!this.#lamp) return;
    const pattern = STATUS_PATTERNS[this.#status];
    if (pattern === "on" || pattern === "off") this.#lamp.write(pattern === "on" ? 1 : 0);
    else this.#blink(pattern, 0);
  }

  #blink(pattern: Pattern, step: number): void {
    this.#lamp?.write(isOn(step));
    const next = (step + 1) % pattern.length;
    this.#timer = this.#clock.set(() => this.#blink(pattern, next), pattern[step] ?? 0);
  }
}

function isOn(step: number): 0 | 1 {
  return step % 2 === 0 ? 1 : 0;
}
