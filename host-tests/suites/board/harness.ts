import type { Board } from "../../../modules/board/index.js";
import { Device, type DeviceOptions } from "../../virtual/board/device.js";
import type { RunEnd } from "../../virtual/board/firmware-run.js";
import type { VirtualClock } from "../../virtual/world/clock.js";
import { virtualWorld, type World } from "../../virtual/world/world.js";
import type { RadioHarness } from "../contracts/gatt.js";
import type { HarnessOptions } from "../contracts/harness.js";
import type { NetworkHarness } from "../contracts/network.js";
import type { VehicleHarness } from "../contracts/pins.js";
import type { UpdateHarness } from "../contracts/update.js";
import type { WiringHarness } from "../contracts/wiring.js";

const LIMIT_MS = 5000;
const SEGMENT_BYTES = 536;

export interface VirtualHarness
  extends RadioHarness,
    NetworkHarness,
    VehicleHarness,
    WiringHarness,
    UpdateHarness {
  readonly world: World<VirtualClock>;
  readonly device: Device;
}

/** Builds the virtual board for the contract suites. */
export async function virtualHarness(
  options: HarnessOptions & Pick<DeviceOptions, "network"> = {},
): Promise<VirtualHarness> {
  const world = virtualWorld({ segmentBytes: SEGMENT_BYTES });
  const { clock, air, wifi } = world;
  const device = new Device(world, { ...options, onEnd: throwCrash });
  let made: Board | undefined;
  device.boot((board) => {
    made = board;
  });
  return {
    world,
    device,
    board: made as unknown as Board,
    central: air,
    surroundings: wifi,
    cable: device.cable,
    vehicle: device.vehicle,
    button: device.button,
    meter: device.meter,
    cardReader: device.cardReader,
    nextSlot: () => device.slots.next,
    ownAddress: "127.0.0.1",
    until: async (what, condition) => {
      if (!clock.runUntil(condition, LIMIT_MS)) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    },
    pass: async (durationMs) => clock.advance(durationMs),
    dispose: async () => device.cutPower(),
  };
}

/** Rethrows an exception of a test's own callback, so that it fails that test. */
export function throwCrash(end: RunEnd): void {
  if (end.type === "crash") throw end.error;
}
