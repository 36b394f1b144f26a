import { closeSync, openSync, writeSync } from "node:fs";
import type { Clock, GATTServerConstructor } from "../../../modules/board/index.js";
import type { FirmwareRun } from "../board/index.js";
import { BtsnoopLog } from "../radio/btsnoop.js";
import { Ether } from "../radio/ether.js";
import type { Central } from "../world/air.js";
import type { World } from "../world/world.js";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "./packages.js";
import { VirtualRadio } from "./virtual-radio.js";

/**
 * Kinds of radio. `hci`: real stacks over virtual controllers. `calls`: the virtual board's own, by function
 * calls.
 */
export const RADIO_KINDS = ["hci", "calls"] as const;
export type RadioKind = (typeof RADIO_KINDS)[number];

export type MakeGATTServer = (firmware: FirmwareRun, address: string) => GATTServerConstructor;

/** Radio between the stations and the phones of one process. */
export interface Radio {
  readonly kind: RadioKind;
  readonly central: Central;
  /** Replaces the virtual board's GATT server. */
  readonly makeGATTServer?: MakeGATTServer;
  close(): void;
}

export interface RadioOptions {
  readonly world: World;
  /** Default: `hci` if the stacks are installed. */
  readonly kind?: RadioKind;
  /** Path of the log of the packets. */
  readonly btsnoopFile?: string;
}

/** Opens a radio. Throws if the requested stacks are not installed or the log file cannot be written. */
export function openRadio({ world, kind, btsnoopFile }: RadioOptions): Radio {
  const packages = kind === "calls" ? undefined : loadBluetoothPackages();
  if (kind === "hci" && !packages) throw new Error(HOW_TO_GET_BLUETOOTH);
  if (!packages) {
    if (btsnoopFile !== undefined)
      throw new Error("--btsnoop logs packets, and --radio calls has none; use --radio hci");
    return { kind: "calls", central: world.air, close: () => {} };
  }
  const { clock } = world;
  const file = btsnoopFile === undefined ? undefined : openLog(btsnoopFile, clock);
  const radio = new VirtualRadio({ packages, ether: new Ether({ clock }), log: file?.log });
  return {
    kind: "hci",
    central: radio.central,
    makeGATTServer: (firmware, address) => radio.gattServer(firmware, address),
    close: () => file?.close(),
  };
}

function openLog(path: string, clock: Clock): { log: BtsnoopLog; close: () => void } {
  let file: number | undefined;
  try {
    file = openSync(path, "w");
  } catch (error) {
    throw new Error(
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code}); give --btsnoop another file`,
    );
  }
  const log = new BtsnoopLog({
    clock,
    write: (bytes) => {
      if (file !== undefined) writeSync(file, bytes);
    },
  });
  return {
    log,
    close: () => {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}
