/** Firmware images with the chip's real layout and without real code. */

import { sha256 } from "@noble/hashes/sha2.js";
import { DESCRIPTOR_MAGIC, IMAGE_MAGIC, ImageLayout } from "../../../modules/updates/image.js";
import {
  CHECKSUM_BLOCK_BYTES,
  HASH_BYTES,
  HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  seal,
  stamped,
} from "../../../modules/updates/image-file.js";
import { Random } from "./random.js";

export const ESP32 = 0x0000;
export const ESP32_C3 = 0x0005;

export interface ImageOptions {
  readonly productId?: string;
  readonly version: number;
  readonly chipId?: number;
  /** Length of the whole image, bytes: a multiple of 16, at least 512. */
  readonly byteLength?: number;
}

/** Length after the last segment, bytes: padding with the checksum in its last byte, and the hash. */
const TAIL_BYTES = CHECKSUM_BLOCK_BYTES + HASH_BYTES;
/** Address at which the chips map their flash. */
const FLASH_ADDRESS = 0x3f40_0020;
/** Address of the chips' RAM. */
const RAM_ADDRESS = 0x3ffb_0000;

/** Makes an image with two segments, a descriptor in the first, and a valid checksum and hash. */
export function makeImage({
  productId = "plugpass",
  version,
  chipId = ESP32,
  byteLength = 8192,
}: ImageOptions): Uint8Array<ArrayBuffer> {
  if (byteLength < 512 || byteLength % 16 !== 0)
    throw new RangeError(`invalid image length: ${byteLength} bytes; use a multiple of 16, at least 512`);
  const image = new Uint8Array(byteLength);
  const view = new DataView(image.buffer);
  const random = new Random(version * 7 + chipId);
  for (let i = ImageLayout.headBytes; i < byteLength - TAIL_BYTES; i++) image[i] = random.uint32() >>> 24;
  image[0] = IMAGE_MAGIC;
  image[1] = 2;
  image[HEADER_BYTES - 1] = 1;
  view.setUint16(ImageLayout.chipId, chipId, true);
  view.setUint32(ImageLayout.descriptor, DESCRIPTOR_MAGIC, true);
  const dataBytes = byteLength - TAIL_BYTES - HEADER_BYTES - 2 * SEGMENT_HEADER_BYTES;
  const firstBytes = Math.max(256, (dataBytes >> 1) & ~3);
  segment(view, HEADER_BYTES, FLASH_ADDRESS, firstBytes);
  segment(view, HEADER_BYTES + SEGMENT_HEADER_BYTES + firstBytes, RAM_ADDRESS, dataBytes - firstBytes);
  seal(image, sha256);
  return stamped(image, { productId, version }, sha256);
}

function segment(view: DataView, at: number, address: number, byteLength: number): void {
  view.setUint32(at, address, true);
  view.setUint32(at + 4, byteLength, true);
}
