import type { IO, PinSpecifier } from "./io.js";

export interface SerialOptions {
  /** The pin that receives. */
  readonly pin: PinSpecifier;
  readonly baud: number;
  /** `count` bytes are readable. Unread bytes are announced again when more arrive. */
  onReadable?(count: number): void;
}

/**
 * A receive-only UART with 8 data bits, no parity and 1 stop bit, as `embedded:io/serial`. Bytes beyond its buffer are
 * lost.
 */
export interface Serial extends IO {
  /** Returns all readable bytes; `undefined` without any. */
  read(): ArrayBuffer | undefined;
}

/** Opens a UART. Throws when the pin is in use or does not support serial input. */
export type SerialConstructor = new (options: SerialOptions) => Serial;
