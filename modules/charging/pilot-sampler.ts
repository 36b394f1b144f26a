import type { Board, ControlPilot, IO, Timer } from "../board/index.js";
import { PILOT_STEADY_PERMILLE, type PilotState, pilotState, requestsEnergy } from "./pilot.js";

export interface PilotSamplerListener {
  /** Two readings under the present duty agree. */
  handlePilot(pilot: PilotState): void;
  /** The pilot has left C and D and does not settle. */
  handleUnsettled(): void;
}

/**
 * Debounce time of the pilot, ms. A state is accepted when two readings this far apart agree. A reading is up to 10 ms
 * old, so that at least 20 ms are between the measurements.
 */
const DEBOUNCE_MS = 30;
/**
 * Time after which a pilot that has left C and D without settling opens the contactor, ms. IEC 61851-1 table A.6
 * requires an open contactor within 100 ms. The board's guard opens it earlier, unless the pilot returns to C at times.
 */
const UNSETTLED_MS = 65;
/** Time after a new offer in which an awake vehicle requests energy, ms. SmartEVSE has the same (`ActivationMode`). */
const WAKE_UP_AFTER_MS = 30_000;
/**
 * Duration of −12 V that wakes a vehicle up, ms: 3 s, as SmartEVSE (`STATE_ACTSTART`, `ActivationTimer`). ISO 15118-3 has 4 s
 * for the same purpose (T_step_EF).
 */
const WAKE_UP_MS = 3000;
const WAKE_UP_PERMILLE = 0;

/** Generator and measurement of the control pilot: sets the duty, debounces the readings, and wakes vehicles up. */
export class PilotSampler implements IO {
  /**
   * A vehicle that stays in B for 30 s after a new offer gets −12 V for 3 s, once for each offer: to a sleeping vehicle
   * this looks like a new plug, and it starts at the change to the offer.
   */
  wakesUp = false;
  private readonly _clock: Board["clock"];
  private readonly _listener: PilotSamplerListener;
  private readonly _pilot: ControlPilot;
  private _dutyPermille = PILOT_STEADY_PERMILLE;
  private _debounce: Timer | undefined;
  /** Runs from the first reading outside C and D until the pilot has settled. */
  private _unsettledTimer: Timer | undefined;
  private _wakeUpTimer: Timer | undefined;
  /** The pilot is at −12 V, and is not read. */
  private _isWaking = false;

  constructor({ board, listener }: { board: Board; listener: PilotSamplerListener }) {
    this._clock = board.clock;
    this._listener = listener;
    const { io, pins } = board;
    this._pilot = new io.ControlPilot({ pin: pins.controlPilot, onReadable: () => this.sample() });
  }

  /** Whether the present duty offers current. */
  get isOffering(): boolean {
    return this._dutyPermille !== PILOT_STEADY_PERMILLE;
  }

  /** Sets the duty. Readings under another duty are not comparable, so debouncing starts again. */
  offer(dutyPermille: number): void {
    if (dutyPermille === this._dutyPermille) return;
    const wasOffering = this.isOffering;
    this._dutyPermille = dutyPermille;
    if (!this.isOffering) this._endWakeUp();
    else if (!wasOffering && this.wakesUp)
      this._wakeUpTimer = this._clock.set(() => this._wakeUp(), WAKE_UP_AFTER_MS);
    if (this._isWaking) return;
    this._pilot.write(dutyPermille);
    this.sample();
  }

  /** Debounces the pilot anew. */
  sample(): void {
    if (this._isWaking) return;
    const { _clock: clock } = this;
    clock.clear(this._debounce);
    const first = this._read();
    if (!requestsEnergy(first)) this._startUnsettled();
    this._debounce = clock.set(() => {
      if (this._read() !== first) {
        this.sample();
        return;
      }
      this._endUnsettled();
      if (first !== "B") this._endWakeUp();
      this._listener.handlePilot(first);
    }, DEBOUNCE_MS);
  }

  close(): void {
    this._clock.clear(this._debounce);
    this._endUnsettled();
    this._endWakeUp();
    this._pilot.close();
  }

  private _read(): PilotState {
    return pilotState(this._pilot.read(), this._dutyPermille);
  }

  /** Starts the unsettled timer. Later readings do not restart it. */
  private _startUnsettled(): void {
    this._unsettledTimer ??= this._clock.set(() => {
      this._unsettledTimer = undefined;
      this._listener.handleUnsettled();
    }, UNSETTLED_MS);
  }

  private _endUnsettled(): void {
    this._clock.clear(this._unsettledTimer);
    this._unsettledTimer = undefined;
  }

  private _wakeUp(): void {
    this._isWaking = true;
    this._clock.clear(this._debounce);
    this._endUnsettled();
    this._pilot.write(WAKE_UP_PERMILLE);
    this._wakeUpTimer = this._clock.set(() => {
      this._isWaking = false;
      this._pilot.write(this._dutyPermille);
      this.sample();
    }, WAKE_UP_MS);
  }

  private _endWakeUp(): void {
    this._clock.clear(this._wakeUpTimer);
    this._isWaking = false;
  }
}
