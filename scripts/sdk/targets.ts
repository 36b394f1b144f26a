import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What the firmware is built for. */
export interface Target {
  readonly name: TargetName;
  /** Of mcconfig. */
  readonly platform: string;
  /** The chip takes only images that the vendor's tool has signed. */
  readonly isSigned?: boolean;
  /** Of the vendor's compiler and flasher; none: the simulator. */
  readonly chip?: {
    readonly name: string;
    /** Where the chip looks for its bootloader. */
    readonly bootloaderOffset: number;
  };
}

export type TargetName = "esp32" | "esp32-signed" | "esp32c3" | "lin";

const TARGETS: Readonly<Record<TargetName, Target>> = {
  esp32: { name: "esp32", platform: "esp32", chip: { name: "esp32", bootloaderOffset: 0x1000 } },
  "esp32-signed": {
    name: "esp32-signed",
    platform: "esp32",
    chip: { name: "esp32", bootloaderOffset: 0x1000 },
    isSigned: true,
  },
  esp32c3: { name: "esp32c3", platform: "esp32/esp32c3", chip: { name: "esp32c3", bootloaderOffset: 0 } },
  lin: { name: "lin", platform: "lin" },
};

/** Throws for a name that is none, with those that are. */
export function targetOf(name: string): Target {
  const target = Object.hasOwn(TARGETS, name) ? TARGETS[name as TargetName] : undefined;
  if (!target) throw new Error(`there is no target ${name}; there are ${Object.keys(TARGETS).join(", ")}`);
  return target;
}

/** The whole flash of the boards that the manifests are for. */
export const FLASH_BYTES = 4 * 1024 * 1024;
export const PARTITION_TABLE_OFFSET = 0x8000;
