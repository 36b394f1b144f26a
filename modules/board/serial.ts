import type { IO, PinSpecifier } from "./io.js";

export interface SerialOptions {
  /** The pin that receives. */
  pin: PinSpecifier;
  baud: number;
  /** `count` bytes wait. What is not read now is announced again with what comes. */
  onReadable?(count: number): void;
}

/** A UART that listens: 8 data bits, no parity, 1 stop bit, as `embedded:io/serial`. What nobody reads in time is lost. */
export interface Serial extends IO {
  /** Everything that waits; `undefined` when nothing does. */
  read(): ArrayBuffer | undefined;
}

/** Throws when the pin is in use or cannot do that. */
export type SerialConstructor = new (options: SerialOptions) => Serial;
