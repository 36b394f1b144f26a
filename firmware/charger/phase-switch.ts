import type { Board, DigitalOut, IO, PinSpecifier, Timer } from "../../modules/board/index.js";
import {
  type Charging,
  nextPhases,
  OPEN_PHASES,
  type PhaseState,
  type Phases,
} from "../../modules/charging/index.js";
import type { Settings } from "../settings.js";

export interface PhaseSwitchOptions {
  readonly board: Board;
  /** Pin of the second contactor. */
  readonly pin: PinSpecifier;
  readonly settings: { readonly now: Pick<Settings, "phases" | "phasePauseS"> };
  readonly charging: Pick<Charging, "isContactorClosed" | "status">;
  /** `isSwitching` or `phases` has changed. */
  readonly onChanged: () => void;
}

const TICK_MS = 1000;

/**
 * Driver of the second contactor (modules/charging, phases.ts). While `isSwitching`, no current may be offered: that opens
 * the first contactor, and keeps the pilot at a steady +12 V.
 */
export class PhaseSwitch implements IO {
  private readonly _options: PhaseSwitchOptions;
  private readonly _contactor: DigitalOut;
  private _state: PhaseState = OPEN_PHASES;
  private _ticks: Timer | undefined;
  /** Time of the latest step, ms. */
  private _steppedMs = 0;

  constructor(options: PhaseSwitchOptions) {
    this._options = options;
    const { board, pin } = options;
    this._contactor = new board.io.DigitalOut({ pin });
    this.update();
  }

  /** Number of phases that are connected when the first contactor closes. */
  get phases(): Phases {
    return this._state.phases;
  }

  get isSwitching(): boolean {
    return !this._state.isSettled;
  }

  /** To be called when settings or status have changed. */
  update(): void {
    this._step();
    this._tick();
  }

  /** Opens the second contactor. To be called after the first one has opened. */
  close(): void {
    this._options.board.clock.clear(this._ticks);
    this._contactor.write(0);
  }

  /** Steps each second until the phases have settled. */
  private _tick(): void {
    const { clock } = this._options.board;
    if (this._state.isSettled || this._isFaulted) {
      clock.clear(this._ticks);
      this._ticks = undefined;
    } else {
      this._ticks ??= clock.repeat(() => this.update(), TICK_MS);
    }
  }

  private _step(): void {
    const { board, charging, settings, onChanged } = this._options;
    const elapsedMs = board.clock.monotonicMs() - this._steppedMs;
    this._steppedMs += elapsedMs;
    const { phases: wanted, phasePauseS: pauseS } = settings.now;
    const { isContactorClosed } = charging;
    const before = this._state;
    const isFaulted = this._isFaulted;
    const after = nextPhases(before, { wanted, isContactorClosed, isFaulted, pauseS, elapsedMs });
    this._state = after;
    if (after.phases !== before.phases) this._contactor.write(after.phases === 3 ? 1 : 0);
    if (after.phases !== before.phases || after.isSettled !== before.isSettled) onChanged();
  }

  private get _isFaulted(): boolean {
    return this._options.charging.status === "faulted";
  }
}
