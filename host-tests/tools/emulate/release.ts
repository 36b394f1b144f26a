import { sha256 } from "@noble/hashes/sha2.js";
import { defaultConfig } from "../../../firmware/config.js";
import { encodeHex } from "../../../modules/bytes/index.js";
import { stamped } from "../../../modules/updates/image-file.js";
import { partitionOf } from "../../../scripts/sdk/flash-files.js";
import { maker } from "../../virtual/world/signer.js";
import { EMULATED_TARGET } from "./emulator.js";
import { type Contents, readProgram } from "./flash-image.js";

export interface EmulatedRelease {
  readonly image: Uint8Array<ArrayBuffer>;
  /** 128 hex digits. */
  readonly signature: string;
}

/** Reads the files of a build, with this version in the application's descriptor. */
export function readProgramAs(build: string, version: number): Contents {
  const { offset } = partitionOf(EMULATED_TARGET, "ota_0");
  const { productId } = defaultConfig;
  return readProgram(build).map(([at, bytes]) => [
    at,
    at === offset ? stamped(bytes, { productId, version }, sha256) : bytes,
  ]);
}

/** Makes a release of a build's application with another version, signed for the emulated firmware. */
export function makeRelease(build: string, version: number): EmulatedRelease {
  const { offset } = partitionOf(EMULATED_TARGET, "ota_0");
  const [, image] = readProgramAs(build, version).find(([at]) => at === offset) ?? [];
  if (!image) throw new Error("the build has no application");
  return { image, signature: encodeHex(maker.sign(image)) };
}
