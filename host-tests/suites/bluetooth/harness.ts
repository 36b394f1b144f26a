import { setImmediate as nextTurn } from "node:timers/promises";
import type { Board } from "../../../modules/board/index.js";
import type { BluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { VirtualRadio } from "../../virtual/bluetooth/virtual-radio.js";
import { Device } from "../../virtual/board/index.js";
import { Ether } from "../../virtual/radio/ether.js";
import type { VirtualClock } from "../../virtual/world/clock.js";
import { virtualWorld } from "../../virtual/world/world.js";
import { throwCrash } from "../board/harness.js";
import type { RadioHarness } from "../contracts/gatt.js";

const LIMIT_MS = 5000;

/** Advances virtual time in steps: the stacks wait for promises between packets. */
export async function pass(clock: VirtualClock, durationMs: number): Promise<void> {
  await untilOn(clock, () => false, durationMs);
}

/** Advances virtual time until `condition` holds. Returns `false` after `limitMs`. */
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

/** Builds the virtual board with its GATT server on bleno and a central on noble, over the virtual radio. */
export async function bluetoothHarness(packages: BluetoothPackages): Promise<RadioHarness> {
  const world = virtualWorld();
  const { clock } = world;
  const radio = new VirtualRadio({ packages, ether: new Ether({ clock }) });
  const device: Device = new Device(world, {
    onEnd: throwCrash,
    replace: (firmware) => ({ io: { GATTServer: radio.gattServer(firmware, device.mac) } }),
  });
  let made: Board | undefined;
  device.boot((board) => {
    made = board;
  });
  return {
    board: made as unknown as Board,
    central: radio.central,
    ownAddress: "127.0.0.1",
    until: async (what, condition) => {
      if (!(await untilOn(clock, condition, LIMIT_MS))) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    },
    pass: (durationMs) => pass(clock, durationMs),
    dispose: async () => device.cutPower(),
  };
}
