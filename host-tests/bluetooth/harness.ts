import { setImmediate as nextTurn } from "node:timers/promises";
import type { Board } from "../../modules/board/index.js";
import type { RadioHarness } from "../contracts/gatt.js";
import { throwCrash } from "../virtual-board/harness.js";
import { Device } from "../virtual-board/index.js";
import type { VirtualClock } from "../world/clock.js";
import { Controller } from "../world/radio/controller.js";
import { Ether } from "../world/radio/ether.js";
import { virtualWorld } from "../world/world.js";
import { NobleCentral } from "./central.js";
import { makeBlenoGATTServer } from "./gatt-server.js";
import type { BluetoothPackages } from "./packages.js";
import { virtualTransport } from "./transport.js";

const LIMIT_MS = 5000;

/** Virtual time, in steps: the stacks wait for promises between packets. */
export async function pass(clock: VirtualClock, durationMs: number): Promise<void> {
  await untilOn(clock, () => false, durationMs);
}

/** Whether `condition` came to hold within `limitMs` of virtual time. */
export async function untilOn(
  clock: VirtualClock,
  condition: () => boolean,
  limitMs: number,
): Promise<boolean> {
  for (let ms = 0; ms < limitMs; ms++) {
    if (condition()) return true;
    clock.advance(1);
    await nextTurn();
  }
  return condition();
}

/** Phones on the virtual radio, each with a controller and an address of its own. */
export function phonesOn(ether: Ether, packages: BluetoothPackages): NobleCentral {
  let count = 0;
  return new NobleCentral({
    packages,
    clock: ether.clock,
    makeTransport: () => {
      count++;
      const address = `c0:00:00:00:00:${count.toString(16).padStart(2, "0")}`;
      return virtualTransport(new Controller({ ether, address }));
    },
  });
}

/** The virtual board with its GATT server on bleno, and noble around it, over the virtual radio. */
export async function bluetoothHarness(packages: BluetoothPackages): Promise<RadioHarness> {
  const world = virtualWorld();
  const { clock } = world;
  const ether = new Ether({ clock });
  const device: Device = new Device(world, {
    onEnd: throwCrash,
    replace: (life) => {
      const makeTransport = () =>
        virtualTransport(new Controller({ ether, address: device.mac, maxConnections: 3 }));
      return { io: { GATTServer: makeBlenoGATTServer({ packages, makeTransport }, life) } };
    },
  });
  let made: Board | undefined;
  device.boot((board) => {
    made = board;
  });
  return {
    board: made as unknown as Board,
    central: phonesOn(ether, packages),
    ownAddress: "127.0.0.1",
    until: async (what, condition) => {
      if (!(await untilOn(clock, condition, LIMIT_MS))) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    },
    pass: (durationMs) => pass(clock, durationMs),
    dispose: async () => device.cutPower(),
  };
}
