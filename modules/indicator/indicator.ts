import type { Board, DigitalOut, IO, Timer } from "../board/index.js";
import type { StationStatus } from "../charging/index.js";
import { type Pattern, SIGNAL_PATTERNS, type Signal, STATUS_PATTERNS } from "./patterns.js";

export type { Signal } from "./patterns.js";

export interface IndicatorOptions {
  readonly board: Pick<Board, "clock" | "io" | "pins">;
}

/**
 * Driver of the optional lamp and buzzer. The lamp shows the status. A signal plays once on lamp and buzzer, then the
 * lamp shows the status again. A new signal replaces one that is still playing.
 */
export class Indicator implements IO {
  private readonly _clock: Board["clock"];
  private _lamp: DigitalOut | undefined;
  private _buzzer: DigitalOut | undefined;
  private _status: StationStatus = "available";
  private _timer: Timer | undefined;
  private _isSignalling = false;

  constructor({ board: { clock, io, pins } }: IndicatorOptions) {
    this._clock = clock;
    if (pins.lamp !== undefined) this._lamp = new io.DigitalOut({ pin: pins.lamp });
    if (pins.buzzer !== undefined) this._buzzer = new io.DigitalOut({ pin: pins.buzzer });
  }

  /** Shows a status on the lamp, after the signal that is playing. */
  show(status: StationStatus): void {
    if (status === this._status) return;
    this._status = status;
    if (!this._isSignalling) this._showStatus();
  }

  /** Plays a signal once on lamp and buzzer. */
  signal(signal: Signal): void {
    if (!this._lamp && !this._buzzer) return;
    this._isSignalling = true;
    this._play(SIGNAL_PATTERNS[signal], 0);
  }

  close(): void {
    this._clock.clear(this._timer);
    this._lamp?.close();
    this._buzzer?.close();
    this._lamp = undefined;
    this._buzzer = undefined;
  }

  private _play(pattern: Pattern, step: number): void {
    this._clock.clear(this._timer);
    const durationMs = pattern[step];
    if (durationMs === undefined) {
      this._isSignalling = false;
      this._showStatus();
      return;
    }
    this._lamp?.write(isOn(step));
    this._buzzer?.write(isOn(step));
    this._timer = this._clock.set(() => this._play(pattern, step + 1), durationMs);
  }

  private _showStatus(): void {
    this._clock.clear(this._timer);
    if (!this._lamp) return;
    const pattern = STATUS_PATTERNS[this._status];
    if (pattern === "on" || pattern === "off") this._lamp.write(pattern === "on" ? 1 : 0);
    else this._blink(pattern, 0);
  }

  private _blink(pattern: Pattern, step: number): void {
    this._lamp?.write(isOn(step));
    const next = (step + 1) % pattern.length;
    this._timer = this._clock.set(() => this._blink(pattern, next), pattern[step] ?? 0);
  }
}

function isOn(step: number): 0 | 1 {
  return step % 2 === 0 ? 1 : 0;
}
