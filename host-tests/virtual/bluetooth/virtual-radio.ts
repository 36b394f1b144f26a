import type { GATTServerConstructor } from "../../../modules/board/index.js";
import type { FirmwareRun } from "../board/index.js";
import type { BtsnoopLog } from "../radio/btsnoop.js";
import { Controller } from "../radio/controller.js";
import type { Ether } from "../radio/ether.js";
import { NobleCentral } from "./central.js";
import { makeBlenoGATTServer } from "./gatt-server.js";
import type { BluetoothPackages } from "./packages.js";
import { type HCITransport, virtualTransport } from "./transport.js";

export interface VirtualRadioOptions {
  readonly packages: BluetoothPackages;
  readonly ether: Ether;
  readonly log?: BtsnoopLog;
}

/** Virtual radio with stations on bleno and phones on noble, each with its own virtual controller. */
export class VirtualRadio {
  readonly ether: Ether;
  /** Central for phones. Each scan and each connection has its own address. */
  readonly central: NobleCentral;
  readonly #packages: BluetoothPackages;
  readonly #log: BtsnoopLog | undefined;
  #phones = 0;

  constructor({ packages, ether, log }: VirtualRadioOptions) {
    this.#packages = packages;
    this.ether = ether;
    this.#log = log;
    const makeTransport = () => this.#transport(this.#nextPhone());
    this.central = new NobleCentral({ packages, clock: ether.clock, makeTransport });
  }

  /** GATT server for a board with this address, in one run of its firmware. */
  gattServer(firmware: FirmwareRun, address: string): GATTServerConstructor {
    const makeTransport = () => this.#transport(address);
    return makeBlenoGATTServer({ packages: this.#packages, makeTransport }, firmware);
  }

  #transport(address: string): HCITransport {
    const log = this.#log?.controller(address);
    return virtualTransport(new Controller({ ether: this.ether, address, log }));
  }

  #nextPhone(): string {
    const number = (++this.#phones).toString(16).padStart(6, "0");
    return `c0:00:00:${number.slice(0, 2)}:${number.slice(2, 4)}:${number.slice(4)}`;
  }
}
