/**
 * Encryption of NVS partitions, after ESP-IDF's "NVS Encryption": AES-256-XTS over each entry of 32 bytes, with the entry's
 * offset in the partition as the sector number. Page headers and state bits stay plain, erased entries stay erased.
 */

import { createCipheriv, createHmac } from "node:crypto";
import { crc32 } from "./crc32.js";

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 32;
const BITMAP_OFFSET = 32;
const ENTRIES_OFFSET = 64;
const ENTRIES_PER_PAGE = 126;
/** State bits of an entry that was never written. */
const EMPTY = 0b11;
const KEY_BYTES = 32;
const SECTOR_NUMBER_BYTES = 16;

/** Words that the chip's HMAC peripheral repeats eight times, to derive the two keys (`nvs_sec_provider`). */
const DATA_KEY_SEED = 0xaebe5a5a;
const TWEAK_KEY_SEED = 0xcedea5a5;

/** Keys of AES-256-XTS, 32 bytes each. */
export interface NVSKeys {
  readonly dataKey: Uint8Array;
  readonly tweakKey: Uint8Array;
}

/** Returns the keys that a chip derives from the HMAC key in its eFuses (`NVS_SEC_KEY_PROTECT_USING_HMAC`). */
export function keysFromHMAC(hmacKey: Uint8Array): NVSKeys {
  checkKey(hmacKey);
  return { dataKey: derived(hmacKey, DATA_KEY_SEED), tweakKey: derived(hmacKey, TWEAK_KEY_SEED) };
}

function derived(hmacKey: Uint8Array, seed: number): Uint8Array {
  const message = Buffer.alloc(KEY_BYTES);
  for (let at = 0; at < KEY_BYTES; at += 4) message.writeUInt32LE(seed, at);
  return createHmac("sha256", hmacKey).update(message).digest();
}

/** Returns the image of a partition `nvs_keys`, one sector, which the bootloader encrypts at the first start. */
export function keyPartition({ dataKey, tweakKey }: NVSKeys): Uint8Array<ArrayBuffer> {
  checkKey(dataKey);
  checkKey(tweakKey);
  const image = new Uint8Array(PAGE_BYTES).fill(0xff);
  image.set(dataKey);
  image.set(tweakKey, KEY_BYTES);
  new DataView(image.buffer).setUint32(2 * KEY_BYTES, crc32(dataKey, tweakKey), true);
  return image;
}

/** Returns the encrypted form of an NVS partition. Throws a RangeError for incomplete pages and for wrong keys. */
export function encryptNVSImage(image: Uint8Array, { dataKey, tweakKey }: NVSKeys): Uint8Array<ArrayBuffer> {
  checkKey(dataKey);
  checkKey(tweakKey);
  if (image.length === 0 || image.length % PAGE_BYTES !== 0)
    throw new RangeError(`an NVS partition has whole pages of 4096 bytes, not ${image.length} bytes`);
  const key = Buffer.concat([dataKey, tweakKey]);
  const result = Uint8Array.from(image);
  for (let page = 0; page < result.length; page += PAGE_BYTES) {
    for (let entry = 0; entry < ENTRIES_PER_PAGE; entry++) {
      if (stateOf(image.subarray(page), entry) === EMPTY) continue;
      const offset = page + ENTRIES_OFFSET + entry * ENTRY_BYTES;
      const sectorNumber = Buffer.alloc(SECTOR_NUMBER_BYTES);
      sectorNumber.writeUInt32LE(offset);
      const cipher = createCipheriv("aes-256-xts", key, sectorNumber);
      result.set(cipher.update(image.subarray(offset, offset + ENTRY_BYTES)), offset);
    }
  }
  return result;
}

function stateOf(page: Uint8Array, entry: number): number {
  return ((page[BITMAP_OFFSET + (entry >> 2)] ?? 0) >> (2 * (entry & 3))) & 0b11;
}

function checkKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${key.length}`);
}
