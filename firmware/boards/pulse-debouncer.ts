import type { Clock, Timer } from "../../modules/board/index.js";

/**
 * Dead time after an edge of a pulse input, ms. A contact bounces for a few milliseconds; IEC 62053-31 gives pulses and
 * pauses at least 30 ms each. A longer dead time loses pulses, a shorter one counts bounces.
 */
const DEAD_TIME_MS = 20;

export interface PulseDebouncerOptions {
  readonly clock: Pick<Clock, "set" | "clear">;
  /** Reads the input: 1 during a pulse. */
  readonly read: () => 0 | 1;
  /** A pulse has begun. */
  readonly onPulse: () => void;
}

/**
 * Turns the edges of an S0 input into pulses. A pulse is reported at its first edge, also when the engine receives that
 * edge late. Each edge starts the dead time again: until the input has been quiet for that long, no further edge
 * starts a pulse. The contact bounces when it opens, too, so the dead time follows both kinds of edges.
 */
export class PulseDebouncer {
  private readonly _options: PulseDebouncerOptions;
  private _isActive: boolean;
  private _deadTime: Timer | undefined;

  constructor(options: PulseDebouncerOptions) {
    this._options = options;
    this._isActive = options.read() === 1;
  }

  /** The input has changed, in either direction. */
  handleEdge(): void {
    const { clock, read, onPulse } = this._options;
    const isPulse = !this._deadTime && !this._isActive;
    clock.clear(this._deadTime);
    this._deadTime = clock.set(() => {
      this._deadTime = undefined;
      this._isActive = read() === 1;
    }, DEAD_TIME_MS);
    if (isPulse) onPulse();
  }

  close(): void {
    this._options.clock.clear(this._deadTime);
    this._deadTime = undefined;
  }
}
