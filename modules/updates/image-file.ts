/**
 * A whole firmware image for these chips, as the bootloader checks it: "App Image Format" in the ESP-IDF Programming
 * Guide; `esp_image_format.c` and esptool's `elf2image` do the same. For tools and the platform: the station reads only
 * the head of an image (`image.ts`), and leaves this file out of its index.
 */

import { equalBytes } from "../bytes/index.js";
import { describeImage, type ImageDescription, ImageLayout } from "./image.js";

/** `esp_image_header_t` and `esp_image_segment_header_t`. */
export const HEADER_BYTES = 24;
export const SEGMENT_HEADER_BYTES = 8;
const SEGMENT_COUNT_AT = 1;
const HASH_APPENDED_AT = 23;
const CHECKSUM_SEED = 0xef;
/** The checksum is the last byte of a block of this size. */
export const CHECKSUM_BLOCK_BYTES = 16;
export const HASH_BYTES = 32;
/** An RSA-3072 or ECDSA signature block follows the image at the next sector (secure boot version 2). */
const SECTOR_BYTES = 4096;

type Image = Uint8Array<ArrayBuffer>;

/** SHA-256, as `@noble/hashes` has it. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Where the segments end; the checksum, and the hash if there is one, come after. `undefined`: they do not fit. */
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

/** What the bootloader would refuse the image for, if anything. */
export function imageError(image: Image, sha256: Sha256): string | undefined {
  if (!describeImage(image)) return "that is no firmware image";
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

/** Writes checksum and hash anew, in place. Throws for what is cut short. */
export function seal(image: Image, sha256: Sha256): void {
  const found = walk(image);
  if (!found) throw new Error("the image is cut short");
  image[found.checksumAt] = found.checksum;
  if (image[HASH_APPENDED_AT] === 1) {
    image.set(sha256(image.subarray(0, found.checksumAt + 1)), found.checksumAt + 1);
  }
}

/**
 * The image with another product id and version in its descriptor: the SDK builds every application under one name.
 * Throws for what is no image, for a product id over 31 bytes, and for an image that is signed already (secure boot
 * or signed applications), which has to be stamped before.
 */
export function stamped(image: Image, { productId, version }: Stamp, sha256: Sha256): Image {
  if (!describeImage(image)) throw new Error("that is no firmware image");
  if (image.length - (walk(image)?.end ?? 0) >= SECTOR_BYTES) throw new Error("the image is signed already");
  const result = image.slice();
  writeText(result, ImageLayout.projectName, productId);
  writeText(result, ImageLayout.version, String(version));
  seal(result, sha256);
  return result;
}

export interface Stamp {
  readonly productId: string;
  readonly version: number;
}

/** What an image says of itself. Throws, with a sentence, for one that a station could not run. */
export function inspect(image: Image, sha256: Sha256): ImageDescription {
  const error = imageError(image, sha256);
  const description = describeImage(image);
  if (error !== undefined || !description) throw new Error(error ?? "that is no firmware image");
  return description;
}

function writeText(image: Image, offset: number, text: string): void {
  const field = image.subarray(offset, offset + ImageLayout.textBytes);
  if (text.length >= field.length) throw new Error(`${text} is over ${field.length - 1} bytes`);
  field.fill(0);
  for (let i = 0; i < text.length; i++) field[i] = text.charCodeAt(i);
}
