import { describe, expect, test } from "@jest/globals";
import { sha256 } from "@noble/hashes/sha2.js";
import { makeImage } from "../../host-tests/virtual/world/firmware-image.js";
import { imageError, inspect, stamped } from "./image-file.js";

const image = makeImage({ version: 1, productId: "xs_esp32" });

describe("an image of the SDK", () => {
  test("is stamped with product and version and stays valid for the bootloader", () => {
    const result = stamped(image, { productId: "cafe", version: 12 }, sha256);
    expect(inspect(result, sha256)).toEqual({ chipId: 0, productId: "cafe", version: 12 });
    expect(result.length).toBe(image.length);
    // Only descriptor, checksum and hash differ.
    const changed = [...result.keys()].filter((i) => result[i] !== image[i]);
    expect(changed.every((i) => (i >= 48 && i < 112) || i >= image.length - 48)).toBe(true);
  });

  test.each([
    ["with a product id that is too long", { productId: "x".repeat(32), version: 1 }, "over 31 bytes"],
    ["when it is not an image", undefined, "not a firmware image"],
  ])("is not stamped %s", (_name, stamp, why) => {
    const target = stamp ? image : new Uint8Array(4096);
    expect(() => stamped(target, stamp ?? { productId: "cafe", version: 1 }, sha256)).toThrow(why);
  });

  test("is not stamped after it is signed", () => {
    const signed = new Uint8Array(image.length + 8192);
    signed.set(image);
    expect(() => stamped(signed, { productId: "cafe", version: 1 }, sha256)).toThrow("already signed");
  });

  test("is reported as damaged when any bit is flipped", () => {
    for (let bit = 0; bit < 8 * image.length; bit += 61) {
      const damaged = image.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(imageError(damaged, sha256)).toBeDefined();
    }
    expect(imageError(image, sha256)).toBeUndefined();
    expect(imageError(image.slice(0, -1), sha256)).toBe("the image is cut short");
  });
});
