import type { Bytes, IO, PinSpecifier } from "./io.js";

export interface SerialOptions {
  /** The pin that receives. */
  readonly pin: PinSpecifier;
  /** The pin that transmits. Without it the line is receive-only. */
  readonly transmitPin?: PinSpecifier;
  /** Output that is 1 while the line transmits: driver enable of an RS485 transceiver. */
  readonly directionPin?: PinSpecifier;
  readonly baud: number;
  /** `count` bytes are readable. Unread bytes are announced again when more arrive. */
  onReadable?(count: number): void;
}

/** A UART with 8 data bits, no parity and 1 stop bit, as `embedded:io/serial`. Received bytes beyond its buffer are lost. */
export interface Serial extends IO {
  /** Returns all readable bytes; `undefined` without any. */
  read(): ArrayBuffer | undefined;
  /**
   * Transmits all bytes after those of earlier calls. Throws without a `transmitPin`, and when the bytes do not fit in the
   * buffer of 128 bytes.
   */
  write(bytes: Bytes): void;
}

/** Opens a UART. Throws when the pin is in use or does not support a serial line. */
export type SerialConstructor = new (options: SerialOptions) => Serial;
