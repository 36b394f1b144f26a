import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readManifest } from "./manifest.js";
import { parsePartitions } from "./partitions.js";
import { PARTITION_TABLE_OFFSET, ROOT, type Target } from "./targets.js";

export interface FlashOptions {
  readonly port: string;
  readonly target: Target;
  readonly debug: boolean;
  /** A key-value partition image of `npm run provision`; none: what the board has stored stays. */
  readonly station?: string;
}

/** What goes where: offset and file, in the order of the flash. Throws for a file that is not there. */
export function flashFiles({ target, debug, station }: FlashOptions, bin: string): [number, string][] {
  if (!target.chip) throw new Error(`${target.name} is no board`);
  const manifest = readManifest(join(ROOT, "manifests", target.name, "manifest.json"), target.platform);
  const table = parsePartitions(readFileSync(manifest.buildFiles.get("PARTITIONS_FILE") ?? "", "utf8"));
  const partition = (subtype: string) => {
    const found = table.find((one) => one.subtype === subtype);
    if (!found) throw new Error(`partitions.csv has no ${subtype}`);
    return found;
  };
  const files: [number, string][] = [
    [target.chip.bootloaderOffset, join(bin, "bootloader.bin")],
    [PARTITION_TABLE_OFFSET, join(bin, "partition-table.bin")],
    [partition("ota").offset, join(bin, "ota_data_initial.bin")],
    [partition("ota_0").offset, join(bin, "xs_esp32.bin")],
  ];
  for (const [, file] of files) {
    if (!existsSync(file)) {
      const flag = debug ? " -- --debug" : "";
      throw new Error(`there is no ${file}; build it: npm run build:${target.name}${flag}`);
    }
  }
  if (station !== undefined)
    files.push([partition("nvs").offset, checkedStation(station, partition("nvs").size)]);
  return files.sort(([a], [b]) => a - b);
}

function checkedStation(file: string, partitionBytes: number): string {
  if (!existsSync(file)) throw new Error(`there is no ${file}; npm run provision makes it`);
  const { size } = statSync(file);
  if (size !== partitionBytes) {
    throw new Error(
      `${file} has ${size} bytes and the partition ${partitionBytes}; provision the station anew`,
    );
  }
  return file;
}
