import Net from "net";
import type {
  Clock,
  Ethernet,
  EthernetConstructor,
  EthernetOptions,
  Timer,
} from "../../../../modules/board/index.js";
import { messageOf } from "../../../../modules/errors/index.js";
import type { Guard } from "../../guard.js";
import { withParts } from "../../with-parts.js";
import { close, start } from "./native.js";

/** Delay until an interface that does not answer is started again, ms. */
const RETRY_MS = 30_000;

interface Parts {
  readonly clock: Clock;
  readonly guard: Guard;
  /** Values of `ethernet-driver.h`; `undefined` for a board whose wiring is not known. */
  readonly wiring: Uint8Array | undefined;
  /** Called when the station gets an address: SNTP is reachable from then on. */
  readonly onAddress: () => void;
  readonly log: (line: string) => void;
}

/** Returns the wired network interface. ESP-IDF's driver watches the link, and requests an address for each new one. */
export function makeEthernet(parts: Parts): EthernetConstructor {
  return withParts(ChipEthernet, parts);
}

class ChipEthernet implements Ethernet {
  private readonly _options: EthernetOptions;
  private readonly _parts: Parts;
  private _timer: Timer | undefined;
  private _reported: string | undefined;
  private _isClosed = false;

  constructor(options: EthernetOptions, parts: Parts) {
    this._options = options;
    this._parts = parts;
    this._start();
  }

  get address(): string | undefined {
    return this._isClosed ? undefined : Net.get("IP");
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    this._parts.clock.clear(this._timer);
    close();
  }

  /** Starts the interface. A board whose interface does not answer still charges, and tries again. */
  private _start(): void {
    const { clock, guard, wiring, log } = this._parts;
    if (!wiring) {
      log("ethernet: off: the wiring has neither w5500 nor lan8720");
      return;
    }
    try {
      start(wiring, () => guard.run(() => this._report()));
    } catch (error) {
      log(`ethernet: does not start: ${messageOf(error)}; check its wiring`);
      this._timer = clock.set(() => this._start(), RETRY_MS);
    }
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
