import { describe, expect, test } from "@jest/globals";
import type { Crypto } from "../../../modules/board/index.js";
import { concatBytes, decodeHex, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";

function bytes(hex: string): Uint8Array<ArrayBuffer> {
  const decoded = decodeHex(hex.replaceAll(" ", ""));
  if (!decoded) throw new Error(`not hex: ${hex}`);
  return decoded;
}

const GCM_KEY = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
const GCM_PLAIN =
  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const GCM_CIPHERTEXT =
  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";

/** Test cases 13 to 16 of McGrew and Viega, "The Galois/Counter Mode of Operation", which SP 800-38D adopts. */
const GCM_VECTORS = [
  {
    name: "13: nothing, over nothing",
    key: "00".repeat(32),
    iv: "00".repeat(12),
    aad: "",
    plain: "",
    sealed: "530f8afbc74536b9a963b4f1c4cb738b",
  },
  {
    name: "14: one block of zeros",
    key: "00".repeat(32),
    iv: "00".repeat(12),
    aad: "",
    plain: "00".repeat(16),
    sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
  },
  {
    name: "15: four blocks",
    key: GCM_KEY,
    iv: "cafebabefacedbaddecaf888",
    aad: "",
    plain: `${GCM_PLAIN}1aafd255`,
    sealed: `${GCM_CIPHERTEXT}898015ad b094dac5d93471bdec1a502270e3cc6c`,
  },
  {
    name: "16: with additional data, and a block cut short",
    key: GCM_KEY,
    iv: "cafebabefacedbaddecaf888",
    aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    plain: GCM_PLAIN,
    sealed: `${GCM_CIPHERTEXT}76fc6ece0f4e1768cddf8853bb2d551b`,
  },
];

/** Key of SP 800-38A F.2.6, CBC-AES256.Decrypt. Its last block has no padding, so the vectors end before it. */
const CBC_KEY = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const CBC_IV = "000102030405060708090a0b0c0d0e0f";
const CBC_CIPHERTEXT = [
  "f58c4c04d6e5f1ba779eabfb5f7bfbd6",
  "9cfc4e967edb808d679f777bc6702c7d",
  "39f23369a9d9bacfa530e26304231461",
  "b2eb05e2c39be9fcda6c19078c6a9d1b",
];
const CBC_PLAIN = [
  "6bc1bee22e409f96e93d7e117393172a",
  "ae2d8a571e03ac9c9eb76fac45af8e51",
  "30c81c46a35ce411e5fbc1191a0a52ef",
  "f69f2445df4f9b17ad2b417be66c3710",
];
/** Block after the four of F.2.5 with PKCS#7 padding: E(10 x 16 xor the last ciphertext block). */
const CBC_PADDING_BLOCK = "3f461796d6b0d6b2e0c2a72b4d80e644";

const SHA256_VECTORS: [name: string, text: string, hash: string][] = [
  ["nothing", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["one block", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "two blocks",
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  ["a million a", "a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
];

/** Defines the tests that each board's cryptography has to pass (modules/board/crypto.ts). */
export function describeCryptoContract(name: string, crypto: Crypto): void {
  describe(`${name}: AES-256-GCM`, () => {
    test.each(GCM_VECTORS)("opens test case $name", ({ key, iv, aad, plain, sealed }) => {
      const opened = crypto.openGCM({
        key: bytes(key),
        iv: bytes(iv),
        additionalData: bytes(aad),
        sealed: bytes(sealed),
      });
      expect(opened && encodeHex(opened)).toBe(plain);
    });

    test("rejects a message with any single bit changed", () => {
      const vector = GCM_VECTORS[3];
      if (!vector) throw new Error("no vector");
      const message = {
        key: bytes(vector.key),
        iv: bytes(vector.iv),
        additionalData: bytes(vector.aad),
        sealed: bytes(vector.sealed),
      };
      for (const part of [message.key, message.iv, message.additionalData, message.sealed]) {
        for (let bit = 0; bit < part.length * 8; bit++) {
          part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(crypto.openGCM(message)).toBeUndefined();
          part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        }
      }
      expect(crypto.openGCM(message)).toBeDefined();
    });

    test("rejects a message that is shorter than its tag", () => {
      const message = { key: new Uint8Array(32), iv: new Uint8Array(12), additionalData: new Uint8Array(0) };
      for (let length = 0; length < 16; length++) {
        expect(crypto.openGCM({ ...message, sealed: new Uint8Array(length) })).toBeUndefined();
      }
    });

    test("throws on a key or an IV of a wrong length", () => {
      const message = { additionalData: new Uint8Array(0), sealed: new Uint8Array(32) };
      expect(() => crypto.openGCM({ ...message, key: new Uint8Array(16), iv: new Uint8Array(12) })).toThrow();
      expect(() => crypto.openGCM({ ...message, key: new Uint8Array(32), iv: new Uint8Array(16) })).toThrow();
    });
  });

  describe(`${name}: AES-256-CBC`, () => {
    const key = bytes(CBC_KEY);
    const iv = bytes(CBC_IV);

    test("decrypts SP 800-38A F.2.6 with a block of padding added", () => {
      const opened = crypto.decryptCBC({ key, iv, data: bytes(CBC_CIPHERTEXT.join("") + CBC_PADDING_BLOCK) });
      expect(opened && encodeHex(opened)).toBe(CBC_PLAIN.join(""));
    });

    test("rejects an invalid padding", () => {
      // The first block of F.2.6 ends in 2a.
      expect(crypto.decryptCBC({ key, iv, data: bytes(CBC_CIPHERTEXT[0] ?? "") })).toBeUndefined();
    });

    test("rejects each wrong last byte of the padding", () => {
      // With a chosen IV, the single block decrypts to any plaintext.
      const block = bytes(CBC_CIPHERTEXT[0] ?? "");
      const decrypted = bytes(CBC_PLAIN[0] ?? "").map((byte, i) => byte ^ (iv[i] ?? 0));
      const openAs = (plain: Uint8Array) =>
        crypto.decryptCBC({
          key,
          iv: Uint8Array.from(plain, (byte, i) => byte ^ (decrypted[i] ?? 0)),
          data: block,
        });
      for (let last = 0; last < 256; last++) {
        const opened = openAs(new Uint8Array(16).fill(0xee).fill(last, 15));
        expect(opened?.byteLength).toBe(last === 1 ? 15 : undefined);
      }
      expect(openAs(new Uint8Array(16).fill(16))?.byteLength).toBe(0);
      expect(openAs(new Uint8Array(16).fill(16).fill(15, 3, 4))).toBeUndefined();
    });

    test.each([0, 1, 15, 17, 31])("rejects data of %d bytes", (length) => {
      expect(crypto.decryptCBC({ key, iv, data: new Uint8Array(length) })).toBeUndefined();
    });

    test("throws on a key or an IV of a wrong length", () => {
      expect(() => crypto.decryptCBC({ key: new Uint8Array(16), iv, data: new Uint8Array(16) })).toThrow();
      expect(() => crypto.decryptCBC({ key, iv: new Uint8Array(12), data: new Uint8Array(16) })).toThrow();
    });
  });

  describe(`${name}: SHA-256 and random numbers`, () => {
    test.each(SHA256_VECTORS)("computes SHA-256 of FIPS 180-4: %s", (_name, text, hash) => {
      expect(encodeHex(crypto.sha256(encodeUTF8(text)))).toBe(hash);
    });

    test("computes SHA-512 of FIPS 180-4: abc", () => {
      expect(encodeHex(crypto.sha512(encodeUTF8("abc")))).toBe(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
      );
    });

    test.each(SHA256_VECTORS)("computes SHA-256 piece by piece: %s", (_name, text, hash) => {
      const digest = crypto.startSHA256();
      const whole = encodeUTF8(text);
      for (let i = 0; i < whole.length; i += 5) digest.write(whole.subarray(i, i + 5));
      expect(encodeHex(digest.close())).toBe(hash);
    });

    test("returns the requested number of random bytes, which differ", () => {
      expect(crypto.random(0).byteLength).toBe(0);
      const draws = new Set(Array.from({ length: 100 }, () => encodeHex(crypto.random(16))));
      expect(draws.size).toBe(100);
      // Each bit is sometimes 1 and sometimes 0.
      const many = concatBytes(...Array.from({ length: 100 }, () => crypto.random(1)));
      expect(many.reduce((all, byte) => all | byte, 0)).toBe(0xff);
      expect(many.reduce((all, byte) => all & byte, 0xff)).toBe(0);
    });
  });
}
