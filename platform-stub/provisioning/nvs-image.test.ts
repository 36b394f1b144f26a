import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { Random } from "../../host-tests/virtual/world/random.js";
import { crc32 } from "./crc32.js";
import { makeNVSImage, type NVSValues } from "./nvs-image.js";
import { readNVSImage } from "./nvs-reader.js";

const utf8 = new TextEncoder();

function valuesOf(object: Record<string, Record<string, Uint8Array>>): NVSValues {
  return new Map(Object.entries(object).map(([name, keys]) => [name, new Map(Object.entries(keys))]));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Pseudo-random bytes that are easy to reproduce in another language. */
function pseudoRandom(seed: number, length: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = Number((BigInt(state) * 1_103_515_245n + 12_345n) & 0x7fff_ffffn);
    return (state >> 16) & 0xff;
  });
}

test("the checksum is zlib's CRC32 with the initial value 0xFFFFFFFF", () => {
  // python3 -c 'import zlib; print(hex(zlib.crc32(b"123456789", 0xffffffff)))'
  expect(crc32(utf8.encode("123456789"))).toBe(0xd202d277);
  expect(crc32(utf8.encode("1234"), utf8.encode("56789"))).toBe(0xd202d277);
  expect(crc32()).toBe(0xffffffff);
});

describe("an image contains", () => {
  // The expected fields are from the documentation, the checksums from Python's zlib.
  const image = makeNVSImage(valuesOf({ plugpass: { device: utf8.encode("0123456789".repeat(4)) } }));
  const at = (start: number, length: number) => hex(image.subarray(start, start + length));
  const entryAt = (entry: number) => 64 + 32 * entry;

  test("24,576 bytes by default", () => {
    expect(image).toHaveLength(0x6000);
    expect(makeNVSImage(new Map(), { sizeBytes: 0x3000 })).toHaveLength(0x3000);
  });

  test("a page header: active, sequence number 0, version 2, unused bytes, checksum of bytes 4-27", () => {
    expect(at(0, 4)).toBe("feffffff");
    expect(at(4, 4)).toBe("00000000");
    expect(at(8, 1)).toBe("fe");
    expect(at(9, 19)).toBe("ff".repeat(19));
    expect(at(28, 4)).toBe("842dbab9");
  });

  test("two state bits per entry: five written, the others empty", () => {
    // 10 10 10 10 and 11 11 11 10, the first entry in the lowest bits.
    expect(at(32, 32)).toBe(`aafe${"ff".repeat(30)}`);
  });

  test("the namespace: a u8 in namespace 0 whose value is the namespace's number", () => {
    expect(at(entryAt(0), 4)).toBe("000101ff");
    expect(at(entryAt(0) + 4, 4)).toBe("591b2aa9");
    expect(at(entryAt(0) + 8, 16)).toBe(hex(utf8.encode("plugpass\0\0\0\0\0\0\0\0")));
    expect(at(entryAt(0) + 24, 8)).toBe("01ffffffffffffff");
  });

  test("the data: type 0x42 with its span, chunk 0, size and checksum, then the bytes, filled up with 0xff", () => {
    expect(at(entryAt(1), 4)).toBe("01420300");
    expect(at(entryAt(1) + 8, 16)).toBe(hex(utf8.encode("device\0\0\0\0\0\0\0\0\0\0")));
    // python3 -c 'import zlib; print(hex(zlib.crc32(b"0123456789"*4, 0xffffffff)))'
    expect(at(entryAt(1) + 24, 8)).toBe("2800ffff07fe55b0");
    expect(at(entryAt(2), 64)).toBe(hex(utf8.encode("0123456789".repeat(4))) + "ff".repeat(24));
  });

  test("the index: type 0x48, span 1, no chunk index; size, one chunk, the first of them 0", () => {
    expect(at(entryAt(4), 4)).toBe("014801ff");
    expect(at(entryAt(4) + 4, 4)).toBe("5e546bf1");
    expect(at(entryAt(4) + 8, 16)).toBe(hex(utf8.encode("device\0\0\0\0\0\0\0\0\0\0")));
    expect(at(entryAt(4) + 24, 8)).toBe("280000000100ffff");
  });

  test("nothing else", () => {
    expect(image.subarray(entryAt(5)).every((byte) => byte === 0xff)).toBe(true);
  });
});

describe("an image equals the output of the vendor's generator for", () => {
  // SHA-256 of the output of esp-idf-nvs-partition-gen 0.2.0, `generate F.csv F.bin SIZE`, values as hex2bin.
  const many = Object.fromEntries(
    Array.from({ length: 150 }, (_, i) => [`key-${i}`, pseudoRandom(100 + i, 1 + ((i * 37) % 32))]),
  );
  test.each<[string, number, NVSValues, string]>([
    [
      "one value",
      0x6000,
      valuesOf({ plugpass: { device: pseudoRandom(1, 200) } }),
      "11c2e0aaf367648ddc62896bd8780932fc49dd4c032b082720e6e627185ab57a",
    ],
    [
      "values that cross pages, and two namespaces",
      0x6000,
      valuesOf({
        plugpass: { device: pseudoRandom(1, 300), big: pseudoRandom(2, 4000), big2: pseudoRandom(3, 4000) },
        other: { device: pseudoRandom(4, 32), x: pseudoRandom(5, 1) },
      }),
      "a67a6fede8fb597629300fbc7494a6fa6124b1f7c5ceb42b055d4854ca3fd01b",
    ],
    [
      "150 values",
      0x8000,
      valuesOf({ a: many }),
      "6e251b1af9715be99401d15bd9c7d59abe80f2f35894a616f2004e60fff9e774",
    ],
  ])("%s", (_name, sizeBytes, values, sha256) => {
    const image = makeNVSImage(values, { sizeBytes });
    expect(createHash("sha256").update(image).digest("hex")).toBe(sha256);
  });
});

describe("an image is read back:", () => {
  test.each([1, 31, 32, 33, 63, 64, 65, 3967, 3968, 3999, 4000])("a value of %i bytes", (length) => {
    const values = valuesOf({ plugpass: { device: pseudoRandom(length, length) } });
    expect(readNVSImage(makeNVSImage(values))).toEqual(values);
  });

  test("values of 4000 bytes across pages, in chunks", () => {
    const values = valuesOf({
      plugpass: { a: pseudoRandom(1, 4000), b: pseudoRandom(2, 4000), c: pseudoRandom(3, 4000) },
    });
    const image = makeNVSImage(values);
    expect(readNVSImage(image)).toEqual(values);
    const states = [0, 1, 2, 3, 4, 5].map((page) => hex(image.subarray(page * 4096, page * 4096 + 4)));
    expect(states).toEqual(["fcffffff", "fcffffff", "fcffffff", "feffffff", "ffffffff", "ffffffff"]);
    const sequenceNumbers = [0, 1, 2, 3].map((page) => image[page * 4096 + 4]);
    expect(sequenceNumbers).toEqual([0, 1, 2, 3]);
  });

  test("many keys in many namespaces", () => {
    const namespaces = Array.from({ length: 20 }, (_, i): [string, Record<string, Uint8Array>] => [
      `namespace-${i}`,
      Object.fromEntries(Array.from({ length: 10 }, (_, j) => [`key-${j}`, pseudoRandom(i * 10 + j, 1 + j)])),
    ]);
    const values = valuesOf(Object.fromEntries(namespaces));
    expect(readNVSImage(makeNVSImage(values, { sizeBytes: 0x8000 }))).toEqual(values);
  });

  test("254 namespaces, the maximum", () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);
    const values = valuesOf(Object.fromEntries(names(254).map((name) => [name, {}])));
    expect(readNVSImage(makeNVSImage(values))).toEqual(values);
    const tooMany = valuesOf(Object.fromEntries(names(255).map((name) => [name, {}])));
    expect(() => makeNVSImage(tooMany)).toThrow("255 namespaces are too many");
  });

  test("the same key in two namespaces, names of 15 characters, names that objects have", () => {
    const values: NVSValues = new Map([
      ["fifteen-letters", new Map([["fifteen-letters", pseudoRandom(1, 5)]])],
      ["__proto__", new Map([["constructor", pseudoRandom(2, 5)]])],
      ["other", new Map([["fifteen-letters", pseudoRandom(3, 5)]])],
    ]);
    expect(readNVSImage(makeNVSImage(values))).toEqual(values);
  });

  test("nothing", () => {
    expect(readNVSImage(makeNVSImage(new Map()))).toEqual(new Map());
  });

  test("300 random sets of values", () => {
    const seed = 21;
    const random = new Random(seed);
    for (let run = 0; run < 300; run++) {
      const keys = Object.fromEntries(
        Array.from({ length: random.int(8) }, (_, i) => [
          `key-${i}`,
          random.bytes(1 + random.int(random.pick([40, 400, 2000]))),
        ]),
      );
      const values = valuesOf({ first: keys, second: keys });
      const back = readNVSImage(makeNVSImage(values, { sizeBytes: 0x10000 }));
      try {
        expect(back).toEqual(values);
      } catch (error) {
        throw new Error(`seed ${seed}, run ${run}: ${error instanceof Error ? error.message : error}`);
      }
    }
  });
});

describe("an image is refused", () => {
  const one = valuesOf({ plugpass: { device: Uint8Array.of(1) } });

  test.each([0, 4096, 8192, 12_289, 24_575, -4096, Number.NaN, 12_288.5])("for %d bytes", (sizeBytes) => {
    expect(() => makeNVSImage(one, { sizeBytes })).toThrow(
      "must have a multiple of 4096 bytes, 12288 or more",
    );
  });

  test.each(["", "sixteen-letters-", "a b", "café", "a\0"])('with the name "%s"', (name) => {
    expect(() => makeNVSImage(valuesOf({ [name]: {} }))).toThrow(`namespace "${name}" must have 1-15`);
    expect(() => makeNVSImage(valuesOf({ a: { [name]: Uint8Array.of(1) } }))).toThrow(`key "${name}" must`);
  });

  test("with an empty value, or one of more than 4000 bytes", () => {
    expect(() => makeNVSImage(valuesOf({ a: { b: new Uint8Array(0) } }))).toThrow("a/b has 0 bytes");
    expect(() => makeNVSImage(valuesOf({ a: { b: new Uint8Array(4001) } }))).toThrow(
      "a/b has 4001 bytes; a value must have 1-4000",
    );
  });

  test("for values that leave no page free, with the required number of pages", () => {
    const value = new Uint8Array(4000);
    const values = valuesOf({ a: { b: value, c: value, d: value } });
    expect(() => makeNVSImage(values, { sizeBytes: 0x4000 })).toThrow(
      "the values fill 4 pages of 4096 bytes and one must stay free; the partition of 16384 bytes has 4",
    );
    expect(readNVSImage(makeNVSImage(values, { sizeBytes: 0x5000 }))).toEqual(values);
  });
});
