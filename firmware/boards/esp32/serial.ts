import Digital from "embedded:io/digital";
import SDKSerial from "embedded:io/serial";
import type { Bytes, Clock, Serial, SerialConstructor, SerialOptions } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";

/**
 * UART of the card reader or of the Modbus meter. UART0 has the log, and the SDK drives no UART2: its `UART_NUM_MAX > 2`
 * is always false, because ESP-IDF has this name as an enumerator.
 */
const PORT = 1;
/** Bits of a character: start, 8 data, stop. */
const CHARACTER_BITS = 10;
/** Time from the last bit to the end of transmission, ms: the clock's resolution. A meter answers after 3.5 characters or more. */
const TURN_MS = 1;

interface SerialParts {
  readonly guard: Guard;
  readonly clock: Clock;
}

/** Returns a UART over the SDK's `embedded:io/serial`. */
export function makeSerial(guard: Guard, clock: Clock): SerialConstructor {
  return withParts(ChipSerial, { guard, clock });
}

class ChipSerial implements Serial {
  private _native: SDKSerial | undefined;
  private readonly _transmits: boolean;
  private readonly _clock: Clock;
  private readonly _baud: number;
  private _direction: Digital | undefined;
  /** End of the transmission, ms. */
  private _sentMs = 0;

  constructor(options: SerialOptions, { guard, clock }: SerialParts) {
    const { pin, transmitPin, directionPin, baud, onReadable } = options;
    this._clock = clock;
    this._baud = baud;
    this._transmits = transmitPin !== undefined;
    this._native = new SDKSerial({
      receive: Number(pin),
      ...(transmitPin !== undefined && { transmit: Number(transmitPin) }),
      baud,
      port: PORT,
      format: "buffer",
      onReadable: (count) => {
        if (this._native) guard.run(() => onReadable?.(count));
      },
    });
    if (directionPin === undefined) return;
    this._direction = new Digital({ pin: Number(directionPin), mode: Digital.Output, initialValue: 0 });
  }

  read(): ArrayBuffer | undefined {
    if (!this._native) throw new Error("the pin is closed");
    return this._native.read();
  }

  write(bytes: Bytes): void {
    if (!this._native) throw new Error("the pin is closed");
    if (!this._transmits) throw new Error("the serial line is receive-only");
    this._direction?.write(1);
    this._native.write(bytes);
    if (this._direction) this._turnLater(bytes.byteLength);
  }

  close(): void {
    this._native?.close();
    this._native = undefined;
    this._direction?.close();
    this._direction = undefined;
  }

  /** Turns the line to reception after the last bit. The SDK does not report it. */
  private _turnLater(byteLength: number): void {
    const now = this._clock.monotonicMs();
    const sentMs = Math.max(now, this._sentMs) + (byteLength * CHARACTER_BITS * 1000) / this._baud;
    this._sentMs = sentMs;
    this._clock.set(
      () => {
        if (this._sentMs === sentMs) this._direction?.write(0);
      },
      Math.ceil(sentMs - now) + TURN_MS,
    );
  }
}
