import { readFileSync } from "node:fs";
import { isJSONObject, parseJSONObject } from "../../../modules/json/index.js";
import { CHIPS, type ChipName } from "../../../modules/wiring/index.js";
import { type NVSContent, readNVSImage } from "../../../platform-stub/provisioning/index.js";

/** Flash content of a provisioned station. */
export interface StationImage {
  readonly content: NVSContent;
  /** Chip of the provisioned wiring; `undefined` if the image has no wiring. */
  readonly chip: ChipName | undefined;
}

/** Reads an image that `npm run provision` made. Throws an error that names the file. */
export function readStationImage(file: string): StationImage {
  try {
    const content = readNVSImage(readFileSync(file));
    const device = content.get("plugpass")?.get("device");
    if (!device) throw new Error("it has no record device");
    return { content, chip: chipIn(parseJSONObject(device)?.wiring) };
  } catch (error) {
    const { code, message } = error as Partial<NodeJS.ErrnoException>;
    throw new Error(`cannot read ${file}: ${code ?? message}`);
  }
}

function chipIn(wiring: unknown): ChipName | undefined {
  const name = isJSONObject(wiring) ? wiring.chip : undefined;
  return Object.keys(CHIPS).find((chip): chip is ChipName => chip === name);
}
