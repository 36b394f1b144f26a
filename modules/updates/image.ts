/**
 * Parser of the first bytes of a firmware image. The layout is Espressif's: `esp_image_header_t` and
 * `esp_image_segment_header_t` (esp_app_format.h), then `esp_app_desc_t` (esp_app_desc.h) at the start of the first
 * segment; "App Image Format" in the ESP-IDF Programming Guide. All numbers are little endian.
 */

import { decodeUTF8 } from "../bytes/index.js";

/** Offsets and lengths of the parsed fields, bytes. */
export const ImageLayout = Object.freeze({
  magic: 0,
  chipId: 12,
  /** The descriptor follows 24 bytes of image header and 8 bytes of segment header. */
  descriptor: 32,
  version: 48,
  projectName: 80,
  textBytes: 32,
  /** End of the descriptor: this many bytes are sufficient for `describeImage`. */
  headBytes: 288,
});

/** `ESP_IMAGE_HEADER_MAGIC` and `ESP_APP_DESC_MAGIC_WORD`. */
export const IMAGE_MAGIC = 0xe9;
export const DESCRIPTOR_MAGIC = 0xabcd5432;

/** Identity of an image. */
export interface ImageDescription {
  /** `esp_chip_id_t`: 0 is the ESP32, 5 the ESP32-C3. */
  readonly chipId: number;
  /** `project_name` of the descriptor. */
  readonly productId: string;
  /** `version` of the descriptor; `undefined` when it is not a non-negative integer. */
  readonly version: number | undefined;
}

/** Maximum firmware version. */
export const MAX_VERSION = 0xffff_ffff;

/**
 * Parses the first `ImageLayout.headBytes` bytes of a file; `undefined` when it is not an ESP32 application image.
 */
export function describeImage(head: Uint8Array<ArrayBuffer>): ImageDescription | undefined {
  if (head.length < ImageLayout.headBytes || head[ImageLayout.magic] !== IMAGE_MAGIC) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (view.getUint32(ImageLayout.descriptor, true) !== DESCRIPTOR_MAGIC) return undefined;
  const productId = text(head, ImageLayout.projectName);
  const version = text(head, ImageLayout.version);
  if (productId === undefined || version === undefined) return undefined;
  return { chipId: view.getUint16(ImageLayout.chipId, true), productId, version: parseVersion(version) };
}

/** Parses a non-negative decimal integer without leading zeros. */
function parseVersion(text: string): number | undefined {
  const version = Number(text);
  return /^(0|[1-9]\d{0,9})$/.test(text) && version <= MAX_VERSION ? version : undefined;
}

/** Decodes a text field that ends with a NUL or with its last byte. */
function text(head: Uint8Array<ArrayBuffer>, offset: number): string | undefined {
  const field = head.slice(offset, offset + ImageLayout.textBytes);
  const end = field.indexOf(0);
  return decodeUTF8(end < 0 ? field : field.slice(0, end));
}
