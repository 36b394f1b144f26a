import type { Board, DigitalIn, IO, Timer } from "../../modules/board/index.js";

export interface HoldButtonListener {
  /** The button was held for 5 s. */
  enterPairingMode(): void;
  /** The button was held for 15 s; `enterPairingMode` was called before. */
  resetToProvisioned(): void;
}

export interface HoldButtonOptions {
  readonly board: Board;
  readonly listener: HoldButtonListener;
}

const DEBOUNCE_MS = 50;
const PAIRING_MS = 5000;
const RESET_MS = 15_000;
/** Time for which a short press approves something, ms. */
const APPROVAL_MS = 60_000;

/** The station's button, if it has one. A press of less than 5 s approves an unsigned firmware. */
export class HoldButton implements IO {
  private readonly _options: HoldButtonOptions;
  private _input: DigitalIn | undefined;
  private _debounce: Timer | undefined;
  private _pairing: Timer | undefined;
  private _reset: Timer | undefined;
  private _approvedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: HoldButtonOptions) {
    this._options = options;
    const { io, pins, clock } = options.board;
    if (pins.button === undefined) return;
    const onReadable = () => {
      clock.clear(this._debounce);
      this._debounce = clock.set(() => this._sample(), DEBOUNCE_MS);
    };
    this._input = new io.DigitalIn({ pin: pins.button, onReadable });
  }

  /** Whether the button was pressed for less than 5 s within the last minute. A press counts once. */
  takePress(): boolean {
    const isApproved = this._options.board.clock.monotonicMs() < this._approvedUntilMs;
    this._approvedUntilMs = Number.NEGATIVE_INFINITY;
    return isApproved;
  }

  close(): void {
    this._options.board.clock.clear(this._debounce);
    this._release();
    this._input?.close();
    this._input = undefined;
  }

  private _sample(): void {
    const { board, listener } = this._options;
    if (this._input?.read() !== 1) {
      if (this._pairing) this._approvedUntilMs = board.clock.monotonicMs() + APPROVAL_MS;
      this._release();
    } else if (!this._reset) {
      this._pairing = board.clock.set(() => {
        this._pairing = undefined;
        listener.enterPairingMode();
      }, PAIRING_MS - DEBOUNCE_MS);
      this._reset = board.clock.set(() => listener.resetToProvisioned(), RESET_MS - DEBOUNCE_MS);
    }
  }

  private _release(): void {
    this._options.board.clock.clear(this._pairing);
    this._options.board.clock.clear(this._reset);
    this._pairing = undefined;
    this._reset = undefined;
  }
}
