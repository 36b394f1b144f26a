import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { encryptNVSImage, keyPartition, keysFromHMAC } from "./nvs-encryption.js";
import { makeNVSImage } from "./nvs-image.js";
import { readNVSImage } from "./nvs-reader.js";

const utf8 = new TextEncoder();
const HMAC_KEY = Uint8Array.from({ length: 32 }, (_, index) => index);
const IMAGE = makeNVSImage(
  new Map([
    [
      "plugpass",
      new Map([
        ["device", utf8.encode("0123456789".repeat(40))],
        ["wired", Uint8Array.of(1)],
      ]),
    ],
  ]),
  { sizeBytes: 0x14000 },
);

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The expected hashes are of files that the vendor's nvs_partition_gen.py (ESP-IDF 5.2) made of the same values. */
describe("as the vendor's generator makes them", () => {
  test("the partition nvs_keys has the keys that the chip derives from its HMAC key, and their checksum", () => {
    expect(sha256(keyPartition(keysFromHMAC(HMAC_KEY)))).toBe(
      "dd208dbd71c8fc352af7f0d214750b0910bc79c4c695e377e6936876bd028098",
    );
  });

  test("the encrypted entries of a page equal the vendor's", () => {
    const entries = (image: Uint8Array) => sha256(image.subarray(64, 4096));
    expect(entries(IMAGE)).toBe("fb40c242dd91c9f2406a6ee41fa807452fb9345724469d65020358d59b6a19fe");
    expect(entries(encryptNVSImage(IMAGE, keysFromHMAC(HMAC_KEY)))).toBe(
      "ba452931529dc4e538c275f2059244e065dd56fe33a4021da74fedba483a3752",
    );
  });
});

test("an encrypted image is no readable one, and another key makes another image", () => {
  const encrypted = encryptNVSImage(IMAGE, keysFromHMAC(HMAC_KEY));
  expect(() => readNVSImage(encrypted)).toThrow();
  const other = encryptNVSImage(IMAGE, keysFromHMAC(HMAC_KEY.map((byte) => byte ^ 1)));
  expect(other).not.toEqual(encrypted);
});

test("page headers, state bits and erased entries stay plain: NVS reads them without the key", () => {
  const encrypted = encryptNVSImage(IMAGE, keysFromHMAC(HMAC_KEY));
  expect(encrypted.slice(0, 64)).toEqual(IMAGE.slice(0, 64));
  expect(encrypted.slice(4096 - 32)).toEqual(IMAGE.slice(4096 - 32));
});

test("a key of another length and a part of a page are refused", () => {
  expect(() => keysFromHMAC(new Uint8Array(16))).toThrow("a key has 32 bytes, not 16");
  expect(() => encryptNVSImage(IMAGE.subarray(1), keysFromHMAC(HMAC_KEY))).toThrow("whole pages");
});
