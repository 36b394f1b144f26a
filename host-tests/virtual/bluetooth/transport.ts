import { EventEmitter } from "node:events";
import type { Controller } from "../radio/controller.js";
import type { HCISocketClass, StackOptions } from "./packages.js";

/** HCI transport between a host and its controller, selected by `--ble`. */
export interface HCITransport {
  readonly stackOptions: StackOptions;
  /**
   * The controller is part of the board: without power, both are silent. An adapter keeps its power and its
   * connections.
   */
  readonly isOfTheBoard: boolean;
  /** Loses the contact of all connections, if the transport can do that. */
  lose(): void;
}

/** Transport to an adapter of this machine, for example `hci0`. Throws if `name` is not an adapter's name. */
export function adapterTransport(name: string): HCITransport {
  const number = /^hci(\d{1,2})$/.exec(name)?.[1];
  if (number === undefined)
    throw new Error(`${name} is no adapter; hciconfig or bluetoothctl list names them: hci0`);
  return {
    stackOptions: { deviceId: Number(number) },
    isOfTheBoard: false,
    lose: () => {
      throw new Error("contact cannot be lost at will over a real adapter");
    },
  };
}

/** Transport to a controller of the virtual radio. The controller ends with the stack. */
export function virtualTransport(controller: Controller): HCITransport {
  return {
    stackOptions: { hciDriver: driverOf(controller), userChannel: true, extended: false },
    isOfTheBoard: true,
    lose: () => controller.lose(),
  };
}

function driverOf(controller: Controller): HCISocketClass {
  return class VirtualHCISocket extends EventEmitter {
    #isBound = false;

    bindUser(): number {
      this.#isBound = true;
      controller.onPacket = (packet) => this.emit("data", Buffer.from(packet));
      return 0;
    }

    /** Ignores the management interface, which a stack opens for the keys of bonds. */
    bindControl(): void {}

    start(): void {}

    isDevUp(): boolean {
      return true;
    }

    setFilter(): void {}

    write(packet: Buffer): void {
      if (this.#isBound) controller.write(new Uint8Array(packet));
    }

    stop(): void {
      if (this.#isBound) controller.close();
      this.#isBound = false;
    }
  };
}
