import { describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import { isTag, tagEnd, tagHash } from "./index.js";

describe("isTag", () => {
  test.each(["abcd", "04A1B2C3", "Aa0_.:-z", "----", "x".repeat(64)])("accepts %s", (text) => {
    expect(isTag(text)).toBe(true);
  });

  test.each([
    "",
    "abc",
    "x".repeat(65),
    "ab cd",
    "abcé",
    "abcd\n",
    "\nabcd",
    "abcd\0",
    "ab/cd",
    "ab+d",
    "ab#d",
  ])("refuses %j", (text) => {
    expect(isTag(text)).toBe(false);
  });
});

describe("tagEnd", () => {
  test.each([
    ["04A1B2C3", "B2C3"],
    ["123456789", "6789"],
    ["1234567", "567"],
    ["123456", "456"],
    ["12345", "45"],
    ["1234", "34"],
  ])("of %s is %s, at most half of the tag", (tag, end) => {
    expect(tagEnd(tag)).toBe(end);
  });
});

test("tagHash returns the SHA-256 in lower-case hex", () => {
  const crypto = virtualCrypto(new Random(1));
  // FIPS 180-2, appendix B.1.
  expect(tagHash(crypto, "abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
