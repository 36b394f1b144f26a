import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A target of the build: a chip or the simulator. */
export interface Target {
  readonly name: TargetName;
  /** Platform of mcconfig (argument `-p`). */
  readonly platform: string;
  /** The chip accepts only bootloaders and images that are signed with the vendor's tool (secure boot). */
  readonly isSigned?: boolean;
  /** The target is not for boards. Its firmware has a public test key. */
  readonly isEmulated?: boolean;
  /** The chip; `undefined` for the simulator. */
  readonly chip?: {
    /** Name of the chip for compiler and flasher. */
    readonly name: string;
    /** Flash offset of the bootloader, bytes. */
    readonly bootloaderOffset: number;
  };
}

export type TargetName =
  | "esp32"
  | "esp32-signed"
  | "esp32-ethernet"
  | "esp32c3"
  | "esp32c3-ethernet"
  | "esp32c3-qemu"
  | "esp32c3-signed"
  | "esp32s3"
  | "lin";

const TARGETS: Readonly<Record<TargetName, Target>> = {
  esp32: { name: "esp32", platform: "esp32", chip: { name: "esp32", bootloaderOffset: 0x1000 } },
  "esp32-signed": {
    name: "esp32-signed",
    platform: "esp32",
    chip: { name: "esp32", bootloaderOffset: 0x1000 },
    isSigned: true,
  },
  "esp32-ethernet": {
    name: "esp32-ethernet",
    platform: "esp32",
    chip: { name: "esp32", bootloaderOffset: 0x1000 },
  },
  esp32c3: { name: "esp32c3", platform: "esp32/esp32c3", chip: { name: "esp32c3", bootloaderOffset: 0 } },
  "esp32c3-ethernet": {
    name: "esp32c3-ethernet",
    platform: "esp32/esp32c3",
    chip: { name: "esp32c3", bootloaderOffset: 0 },
  },
  "esp32c3-qemu": {
    name: "esp32c3-qemu",
    platform: "esp32/esp32c3",
    chip: { name: "esp32c3", bootloaderOffset: 0 },
    isEmulated: true,
  },
  "esp32c3-signed": {
    name: "esp32c3-signed",
    platform: "esp32/esp32c3",
    chip: { name: "esp32c3", bootloaderOffset: 0 },
    isSigned: true,
  },
  esp32s3: { name: "esp32s3", platform: "esp32/esp32s3", chip: { name: "esp32s3", bootloaderOffset: 0 } },
  lin: { name: "lin", platform: "lin" },
};

/** A folder of manifests/ with a manifest.json for mcconfig. */
export interface ManifestFolder {
  readonly name: string;
  /** Platform of mcconfig (argument `-p`). */
  readonly platform: string;
  /**
   * Which modules of the project are preloaded:
   * - `all` on the chip: preloaded modules stay in flash, all others take RAM.
   * - `portable firmware` in the simulator: the SDK's modules for Linux are not preloaded, so the modules that import
   *   them are not either. Virtual board and world hold state of the host, which must stay writable.
   * - `none` for the contract suites: their `test` and `expect` keep variables of the module, which must stay writable.
   */
  readonly preload: "all" | "portable firmware" | "none";
  /** Modules that take the place of others: name to source, both without their endings. */
  readonly replaced?: Readonly<Record<string, string>>;
}

/** Chips whose pins take the place of the classic ESP32's. */
const CHIPS_WITH_PINS: readonly (string | undefined)[] = ["esp32c3", "esp32s3"];
/** A small jest that runs on XS. */
const JEST_ON_XS = { "@jest/globals": "host-tests/tools/xs/jest" };

export const MANIFESTS: readonly ManifestFolder[] = [
  ...Object.values(TARGETS).map(manifestFolderOf),
  { name: "lin-contracts", platform: "lin", preload: "none", replaced: JEST_ON_XS },
];

export function manifestFolderOf({ name, platform, chip }: Target): ManifestFolder {
  const isOther = CHIPS_WITH_PINS.includes(chip?.name);
  const folder = name.endsWith("-ethernet") ? "ethernet/" : "";
  const replaced = isOther
    ? { [`firmware/boards/esp32/${folder}pins`]: `firmware/boards/${chip?.name}/${folder}pins` }
    : {};
  return { name, platform, preload: chip ? "all" : "portable firmware", replaced };
}

/** Returns the target of a name. Throws an error with the valid names for an unknown one. */
export function targetOf(name: string): Target {
  const target = Object.hasOwn(TARGETS, name) ? TARGETS[name as TargetName] : undefined;
  if (!target)
    throw new Error(`the target ${name} is unknown; use one of ${Object.keys(TARGETS).join(", ")}`);
  return target;
}

/** Flash size of the boards that the manifests support, bytes. */
export const FLASH_BYTES = 4 * 1024 * 1024;
export const PARTITION_TABLE_OFFSET = 0x8000;
