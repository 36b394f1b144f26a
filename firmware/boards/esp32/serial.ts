import SDKSerial from "embedded:io/serial";
import type { Serial, SerialConstructor, SerialOptions } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";

/** UART of the card reader. UART0 has the log. */
const PORT = 1;

/** Returns a receive-only UART over the SDK's `embedded:io/serial`. */
export function makeSerial(guard: Guard): SerialConstructor {
  return withParts(ChipSerial, guard);
}

class ChipSerial implements Serial {
  private _native: SDKSerial | undefined;

  constructor({ pin, baud, onReadable }: SerialOptions, guard: Guard) {
    this._native = new SDKSerial({
      receive: Number(pin),
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

  close(): void {
    this._native?.close();
    this._native = undefined;
  }
}
