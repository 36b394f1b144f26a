/** The flash of the emulated chip: a file that the emulator reads and writes. */

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { flashFiles, partitionOf } from "../../../scripts/sdk/flash-files.js";
import { FLASH_BYTES } from "../../../scripts/sdk/targets.js";
import { EMULATED_TARGET } from "./emulator.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Contents of the flash with their offsets. */
export type Contents = readonly (readonly [offset: number, bytes: Uint8Array<ArrayBuffer>])[];

const ERASED = 0xff;
const EFUSE_BYTES = 1024;
/** Byte of the eFuses with the chip's revision, and its value for 0.3: ESP-IDF 6.0 refuses older chips. */
const REVISION_AT = 38;
const REVISION_0_3 = 0x0c;

/** eFuses of a chip without any key: only its revision is burned. */
export function makeEFuses(): Bytes {
  const bytes = new Uint8Array(EFUSE_BYTES);
  bytes[REVISION_AT] = REVISION_0_3;
  return bytes;
}

/** Makes a flash with these contents at their offsets; the rest is erased. Throws if one is beyond the end. */
export function makeFlash(contents: readonly (readonly [number, Uint8Array])[]): Bytes {
  const flash = new Uint8Array(FLASH_BYTES).fill(ERASED);
  for (const [offset, bytes] of contents) flash.set(bytes, offset);
  return flash;
}

/** Reads the files of a build with their offsets. */
export function readProgram(build: string): Contents {
  return flashFiles({ target: EMULATED_TARGET, debug: false }, build).map(([offset, file]) => [
    offset,
    Uint8Array.from(readFileSync(file)),
  ]);
}

export interface FlashOptions {
  /** Files of the firmware with their offsets. */
  readonly program: Contents;
  /** Key-value partition. Default: erased, as of a station that was not provisioned. */
  readonly identity?: Uint8Array;
}

/** Writes the flash of a new board to a file. */
export function writeFlash(file: string, { program, identity }: FlashOptions): void {
  const { offset, size } = partitionOf(EMULATED_TARGET, "nvs");
  if (identity && identity.length !== size) {
    throw new Error(
      `the identity has ${identity.length} bytes, but the partition has ${size}; provision it again`,
    );
  }
  writeFileSync(file, makeFlash([...program, ...(identity ? [[offset, identity] as const] : [])]));
}

/** Whether the build is newer than the flash. */
export function isOlderThanBuild(file: string, build: string): boolean {
  const newest = flashFiles({ target: EMULATED_TARGET, debug: false }, build).map(
    ([, one]) => statSync(one).mtimeMs,
  );
  return statSync(file).mtimeMs < Math.max(...newest);
}

/** Writes the build's firmware into an existing flash, as `npm run flash` does: the stored data is unchanged. */
export function updateProgram(file: string, build: string): void {
  const flash = Uint8Array.from(readFileSync(file));
  for (const [offset, bytes] of readProgram(build)) flash.set(bytes, offset);
  writeFileSync(file, flash);
}

export function flashExists(file: string): boolean {
  if (!existsSync(file)) return false;
  if (statSync(file).size !== FLASH_BYTES)
    throw new Error(`${file} is not a flash of ${FLASH_BYTES} bytes; choose another file, or use --fresh`);
  return true;
}
