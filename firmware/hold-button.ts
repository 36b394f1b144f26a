import type { Board, DigitalIn, IO, Timer } from "../modules/board/index.js";

export interface HoldButtonOptions {
  readonly board: Board;
  /** Held for 5 s. */
  readonly onPairing: () => void;
  /** Held for 15 s, and `onPairing` before that. */
  readonly onReset: () => void;
}

const DEBOUNCE_MS = 50;
const PAIRING_MS = 5000;
const RESET_MS = 15_000;

/** The button that a station may have. A press that is not held does nothing. */
export class HoldButton implements IO {
  #options: HoldButtonOptions;
  #input: DigitalIn | undefined;
  #debounce: Timer | undefined;
  #pairing: Timer | undefined;
  #reset: Timer | undefined;

  constructor(options: HoldButtonOptions) {
    this.#options = options;
    const { io, pins, clock } = options.board;
    if (pins.button === undefined) return;
    const onReadable = () => {
      clock.clear(this.#debounce);
      this.#debounce = clock.set(() => this.#look(), DEBOUNCE_MS);
    };
    this.#input = new io.DigitalIn({ pin: pins.button, onReadable });
  }

  close(): void {
    this.#options.board.clock.clear(this.#debounce);
    this.#release();
    this.#input?.close();
    this.#input = undefined;
  }

  #look(): void {
    const { board, onPairing, onReset } = this.#options;
    if (this.#input?.read() !== 1) {
      this.#release();
    } else if (!this.#reset) {
      this.#pairing = board.clock.set(onPairing, PAIRING_MS - DEBOUNCE_MS);
      this.#reset = board.clock.set(onReset, RESET_MS - DEBOUNCE_MS);
    }
  }

  #release(): void {
    this.#options.board.clock.clear(this.#pairing);
    this.#options.board.clock.clear(this.#reset);
    this.#reset = undefined;
  }
}
