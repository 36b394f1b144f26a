import { describe, expect, test } from "@jest/globals";
import { base64 } from "../../host-tests/virtual/world/platform-answers.js";
import {
  concatBytes,
  decodeBase64,
  decodeBase64URL,
  decodeHex,
  decodeUTF8,
  encodeBase64URL,
  encodeHex,
  encodeUTF8,
  equalBytes,
  truncateUTF8,
} from "./index.js";

describe("UTF-8", () => {
  test("is decoded to the text that was encoded", () => {
    const text = "Ladestation Café 🚗";
    expect(decodeUTF8(encodeUTF8(text))).toBe(text);
  });

  test.each([
    ["a lone continuation byte", [0x80]],
    ["an overlong form", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a cut character", [0xe2, 0x82]],
  ])("%s is not text", (_name, bytes) => {
    expect(decodeUTF8(new Uint8Array(bytes))).toBeUndefined();
  });

  test("is truncated between characters only", () => {
    expect(truncateUTF8("abc", 3)).toBe("abc");
    expect(truncateUTF8("ab€", 4)).toBe("ab");
    expect(truncateUTF8("ab€", 5)).toBe("ab€");
    expect(truncateUTF8("🚗🚗", 7)).toBe("🚗");
  });
});

describe("hex", () => {
  test("is decoded to the bytes that were encoded", () => {
    expect(encodeHex(new Uint8Array([0, 15, 16, 255]))).toBe("000f10ff");
    expect(decodeHex("000f10FF")).toEqual(new Uint8Array([0, 15, 16, 255]));
  });

  test.each(["0", "0g", "  "])("%j is not hex", (text) => {
    expect(decodeHex(text)).toBeUndefined();
  });
});

describe("base64", () => {
  test("is decoded at every length", () => {
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255);
      expect(decodeBase64(base64(bytes))).toEqual(bytes);
    }
  });

  test.each(["A", "AA", "AAA", "A===", "AA=A", "AAA-", "AA A", "AB==", "====", "AA==AAAA", "é=AA"])(
    "%j is not canonical base64",
    (text) => {
      expect(decodeBase64(text)).toBeUndefined();
    },
  );
});

describe("base64url", () => {
  test("is encoded without padding, and decoded, at every length", () => {
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255);
      const text = base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      expect(encodeBase64URL(bytes)).toBe(text);
      expect(decodeBase64URL(text)).toEqual(bytes);
    }
  });

  test.each(["A", "AA==", "AB", "AAA+", "AAA/", "AA A"])("%j is not canonical base64url", (text) => {
    expect(decodeBase64URL(text)).toBeUndefined();
  });
});

test("concatBytes joins its arguments in order", () => {
  expect(concatBytes(new Uint8Array([1, 2]), new ArrayBuffer(1), new Uint8Array([3]))).toEqual(
    new Uint8Array([1, 2, 0, 3]),
  );
});

test("equalBytes compares every byte and the length", () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2).buffer)).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
});
