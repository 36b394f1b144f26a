/**
 * Checks and stamps a whole firmware image as the bootloader expects it: "App Image Format" in the ESP-IDF Programming
 * Guide, `esp_image_format.c`, esptool's `elf2image`. Only tools and the platform use this file; the station parses
 * only the head of an image (`image.ts`).
 */

import { equalBytes } from "../bytes/index.js";
import { describeImage, type ImageDescription, ImageLayout } from "./image.js";

/** Length of `esp_image_header_t`. */
export const HEADER_BYTES = 24;
/** Length of `esp_image_segment_header_t`. */
export const SEGMENT_HEADER_BYTES = 8;
const SEGMENT_COUNT_AT = 1;
const HASH_APPENDED_AT = 23;
const CHECKSUM_SEED = 0xef;
/** Block size of the image, bytes. The checksum is the last byte of the last block. */
export const CHECKSUM_BLOCK_BYTES = 16;
export const HASH_BYTES = 32;
/** Flash sector, bytes. A signature block of secure boot version 2 starts at the sector after the image. */
const SECTOR_BYTES = 4096;

type Image = Uint8Array<ArrayBuffer>;

/** SHA-256 function, compatible with `@noble/hashes`. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Computes the checksum and the offsets of checksum and image end; `undefined` when the image is cut short. */
function walk(image: Image): { checksum: number; checksumAt: number; end: number } | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  const segments = image[SEGMENT_COUNT_AT] ?? 0;
  let at = HEADER_BYTES;
  let checksum = CHECKSUM_SEED;
  for (let i = 0; i < segments; i++) {
    if (at + SEGMENT_HEADER_BYTES > image.length) return undefined;
    const start = at + SEGMENT_HEADER_BYTES;
    at = start + view.getUint32(at + 4, true);
    if (at > image.length) return undefined;
    for (let j = start; j < at; j++) checksum ^= image[j] ?? 0;
  }
  const checksumAt = at + CHECKSUM_BLOCK_BYTES - 1 - (at % CHECKSUM_BLOCK_BYTES);
  const end = checksumAt + 1 + (image[HASH_APPENDED_AT] === 1 ? HASH_BYTES : 0);
  return end <= image.length ? { checksum, checksumAt, end } : undefined;
}

/** Returns the reason why the bootloader would refuse the image, if any. */
export function imageError(image: Image, sha256: Sha256): string | undefined {
  if (!describeImage(image)) return "this is not a firmware image";
  const found = walk(image);
  if (!found) return "the image is cut short";
  if (image[found.checksumAt] !== found.checksum) return "the checksum of the image is wrong";
  if (image[HASH_APPENDED_AT] !== 1) return undefined;
  const hashAt = found.checksumAt + 1;
  const hash = sha256(image.subarray(0, hashAt));
  return equalBytes(Uint8Array.from(hash), image.slice(hashAt, hashAt + HASH_BYTES))
    ? undefined
    : "the SHA-256 at the end of the image is wrong";
}

/** Recomputes checksum and hash in place. Throws when the image is cut short. */
export function seal(image: Image, sha256: Sha256): void {
  const found = walk(image);
  if (!found) throw new Error("the image is cut short");
  image[found.checksumAt] = found.checksum;
  if (image[HASH_APPENDED_AT] === 1) {
    image.set(sha256(image.subarray(0, found.checksumAt + 1)), found.checksumAt + 1);
  }
}

/**
 * Returns a copy of the image with this product id and version in its descriptor: the SDK builds every application
 * under one name. Throws when the file is not an image, when the product id is over 31 bytes, and when the image is
 * already signed (secure boot): stamp it before signing.
 */
export function stamped(image: Image, { productId, version }: Stamp, sha256: Sha256): Image {
  if (!describeImage(image)) throw new Error("this is not a firmware image");
  if (image.length - (walk(image)?.end ?? 0) >= SECTOR_BYTES) throw new Error("the image is already signed");
  const result = image.slice();
  writeText(result, ImageLayout.projectName, productId);
  writeText(result, ImageLayout.version, String(version));
  seal(result, sha256);
  return result;
}

/** Identity that `stamped` writes into an image. */
export interface Stamp {
  /** At most 31 bytes. */
  readonly productId: string;
  readonly version: number;
}

/** Describes an image. Throws an error with a sentence when a station could not run it. */
export function inspect(image: Image, sha256: Sha256): ImageDescription {
  const error = imageError(image, sha256);
  const description = describeImage(image);
  if (error !== undefined || !description) throw new Error(error ?? "this is not a firmware image");
  return description;
}

function writeText(image: Image, offset: number, text: string): void {
  const field = image.subarray(offset, offset + ImageLayout.textBytes);
  if (text.length >= field.length) throw new Error(`${text} is over ${field.length - 1} bytes`);
  field.fill(0);
  for (let i = 0; i < text.length; i++) field[i] = text.charCodeAt(i);
}
