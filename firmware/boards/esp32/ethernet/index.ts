import Net from "net";
import type { Ethernet, EthernetConstructor, EthernetOptions } from "../../../../modules/board/index.js";
import type { Guard } from "../../guard.js";
import { withParts } from "../../with-parts.js";
import { close, start } from "./native.js";

interface Parts {
  readonly guard: Guard;
  /** Wiring, as `ethernet-driver.h` has it. */
  readonly pins: Uint8Array;
  /** Called when the station gets an address: SNTP is reachable from then on. */
  readonly onAddress: () => void;
}

/** Returns the wired network interface. ESP-IDF's driver watches the link, and requests an address for each new one. */
export function makeEthernet(parts: Parts): EthernetConstructor {
  return withParts(ChipEthernet, parts);
}

class ChipEthernet implements Ethernet {
  private readonly _options: EthernetOptions;
  private readonly _parts: Parts;
  private _reported: string | undefined;
  private _isClosed = false;

  constructor(options: EthernetOptions, parts: Parts) {
    this._options = options;
    this._parts = parts;
    start(parts.pins, () => parts.guard.run(() => this._report()));
  }

  get address(): string | undefined {
    return this._isClosed ? undefined : Net.get("IP");
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    close();
  }

  /** Reports a change. Native events are merged, so a link that was lost and found in between may cause none. */
  private _report(): void {
    const { address } = this;
    if (this._isClosed || address === this._reported) return;
    this._reported = address;
    if (address === undefined) {
      this._options.onChanged({ type: "lostIP" });
      return;
    }
    this._parts.onAddress();
    this._options.onChanged({ type: "gotIP", address });
  }
}
