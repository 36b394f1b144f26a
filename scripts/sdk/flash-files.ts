import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readNVSImage } from "../../platform-stub/provisioning/nvs-reader.js";
import { readManifest } from "./manifest.js";
import { type Partition, parsePartitions } from "./partitions.js";
import { PARTITION_TABLE_OFFSET, ROOT, type Target } from "./targets.js";

export interface FlashFilesOptions {
  readonly target: Target;
  readonly debug: boolean;
  /** Key-value partition image of `npm run provision`; without it, the board's stored data is unchanged. */
  readonly station?: string;
  /** Image of the partition `nvs_keys` of `npm run encrypt`, for esp32-signed. */
  readonly nvsKeys?: string;
}

/**
 * Throws an error for options that would make a board with secure boot useless: its first start cannot be undone. A plain
 * identity would be lost there, and an encrypted one on any other board.
 */
export function checkPermanence(
  { target, station, nvsKeys }: FlashFilesOptions,
  { permanent }: { permanent: boolean },
): void {
  if (!target.isSigned) {
    if (permanent || nvsKeys !== undefined)
      throw new Error(`${target.name} has no secure boot; leave out --permanent and --nvs-keys`);
    if (station !== undefined && isEncrypted(station))
      throw new Error(`${station} is encrypted, for a board with secure boot; use the station's .nvs.bin`);
    return;
  }
  if (!permanent) {
    throw new Error(
      `the first start of a board with ${target.name} burns its eFuses, and nothing can undo that: ` +
        "follow docs/hardening.md, then repeat with --permanent",
    );
  }
  if (station === undefined)
    throw new Error(`${target.name} needs --station: later, no cable can add an identity`);
  if (!isEncrypted(station))
    throw new Error(`${station} is not encrypted, and the board would lose it: run npm run encrypt first`);
  const needsKeys = target.chip?.name === "esp32";
  if (needsKeys !== (nvsKeys !== undefined))
    throw new Error(
      needsKeys
        ? `${target.name} needs --nvs-keys, the other file of npm run encrypt`
        : `${target.name} has its key in an eFuse block; leave out --nvs-keys`,
    );
}

function isEncrypted(file: string): boolean {
  if (!existsSync(file)) throw new Error(`${file} does not exist; make it with npm run provision`);
  try {
    readNVSImage(readFileSync(file));
    return false;
  } catch {
    return true;
  }
}

/** Returns the files to flash with their offsets, in ascending order. Throws if a file is missing. */
export function flashFiles(options: FlashFilesOptions, bin: string): [number, string][] {
  const { target, debug, station, nvsKeys } = options;
  if (!target.chip) throw new Error(`${target.name} is not a board and cannot be flashed`);
  const partition = (subtype: string) => partitionOf(target, subtype);
  const files: [number, string][] = [
    [target.chip.bootloaderOffset, join(bin, "bootloader.bin")],
    [PARTITION_TABLE_OFFSET, join(bin, "partition-table.bin")],
    [partition("ota").offset, join(bin, "ota_data_initial.bin")],
    [partition("ota_0").offset, join(bin, "xs_esp32.bin")],
  ];
  for (const [, file] of files) {
    if (!existsSync(file)) {
      const flag = debug ? " -- --debug" : "";
      throw new Error(`${file} does not exist; build it with npm run build:${target.name}${flag}`);
    }
  }
  if (station !== undefined)
    files.push([partition("nvs").offset, checkedStation(station, partition("nvs").size)]);
  if (nvsKeys !== undefined)
    files.push([partition("nvs_keys").offset, checkedStation(nvsKeys, partition("nvs_keys").size)]);
  return files.sort(([a], [b]) => a - b);
}

/** Returns the partition of this subtype in the target's partition table. */
export function partitionOf(target: Target, subtype: string): Partition {
  const manifest = readManifest(join(ROOT, "manifests", target.name, "manifest.json"), target.platform);
  const table = parsePartitions(readFileSync(manifest.buildFiles.get("PARTITIONS_FILE") ?? "", "utf8"));
  const found = table.find((one) => one.subtype === subtype);
  if (!found) throw new Error(`partitions.csv has no partition of subtype ${subtype}`);
  return found;
}

function checkedStation(file: string, partitionBytes: number): string {
  if (!existsSync(file)) throw new Error(`${file} does not exist; make it with npm run provision`);
  const { size } = statSync(file);
  if (size !== partitionBytes) {
    throw new Error(
      `${file} has ${size} bytes, but the partition has ${partitionBytes}; provision the station again`,
    );
  }
  return file;
}
