import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readManifest } from "./manifest.js";
import { type Partition, parsePartitions } from "./partitions.js";
import { PARTITION_TABLE_OFFSET, ROOT, type Target } from "./targets.js";

export interface FlashFilesOptions {
  readonly target: Target;
  readonly debug: boolean;
  /** Key-value partition image of `npm run provision`; without it, the board's stored data is unchanged. */
  readonly station?: string;
}

/** Returns the files to flash with their offsets, in ascending order. Throws if a file is missing. */
export function flashFiles({ target, debug, station }: FlashFilesOptions, bin: string): [number, string][] {
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
