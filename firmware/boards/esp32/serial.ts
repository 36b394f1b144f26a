import SDKSerial from "embedded:io/serial";
import type { Bytes, Serial, SerialConstructor, SerialOptions } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";

/** UART of the card reader. UART0 has the log. */
const PORT = 1;

/** Returns a UART over the SDK's `embedded:io/serial`. */
export function makeSerial(guard: Guard): SerialConstructor {
  return withParts(ChipSerial, guard);
}

class ChipSerial implements Serial {
  private _native: SDKSerial | undefined;
  private readonly _transmits: boolean;

  constructor({ pin, transmitPin, baud, onReadable }: SerialOptions, guard: Guard) {
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
  }

  read(): ArrayBuffer | undefined {
    if (!this._native) throw new Error("the pin is closed");
    return this._native.read();
  }

  write(bytes: Bytes): void {
    if (!this._native) throw new Error("the pin is closed");
    if (!this._transmits) throw new Error("the serial line is receive-only");
    this._native.write(bytes);
  }

  close(): void {
    this._native?.close();
    this._native = undefined;
  }
}
