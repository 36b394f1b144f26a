import { EventEmitter } from "node:events";
import type { Controller } from "../radio/controller.js";
import type { HCISocketClass, StackOptions } from "./packages.js";

/** Between a host and its controller: what `--ble` chooses. */
export interface HCITransport {
  readonly stackOptions: StackOptions;
  /** The controller is a part of the board: without power, both are silent. An adapter keeps its own, and its connections. */
  readonly isOfTheBoard: boolean;
  /** Contact with everybody is lost, where that can be done. */
  lose(): void;
}

/** An adapter of this machine, `hci0` say. Throws when `name` is none. */
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

/** A controller of the virtual radio. It is the transport's: it ends with the stack. */
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

    /** The management interface, which a stack opens for the keys of bonds: nobody listens. */
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
