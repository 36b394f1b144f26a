import { beforeEach, describe, expect, test } from "@jest/globals";
import { Random } from "../../host-tests/virtual/world/random.js";
import { crc32 } from "./crc32.js";
import { makeNVSImage } from "./nvs-image.js";
import { NVSError, readNVSImage } from "./nvs-reader.js";

const PAGE = 4096;

/** Offset of an entry, in bytes. */
function at(page: number, entry: number): number {
  return page * PAGE + 64 + entry * 32;
}

describe("readNVSImage", () => {
  // Page 0: entry 0 the namespace, 1-3 a chunk of 40 bytes, 4 its index, 5-125 a chunk of 3840 bytes.
  // Page 1: 0-5 the other 160 bytes, 6 their index. Pages 2 and 3 are free.
  let image: Uint8Array<ArrayBuffer>;
  let view: DataView;

  beforeEach(() => {
    const values = new Map([
      ["device", new Uint8Array(40).fill(7)],
      ["big", new Uint8Array(4000).fill(8)],
    ]);
    image = makeNVSImage(new Map([["plugpass", values]]), { sizeBytes: 4 * PAGE });
    view = new DataView(image.buffer);
  });

  function set(offset: number, ...bytes: number[]): void {
    image.set(bytes, offset);
  }

  /** Updates the checksum of an entry, so that only the changed byte is wrong. */
  function sealEntry(page: number, entry: number): void {
    const start = at(page, entry);
    view.setUint32(
      start + 4,
      crc32(image.subarray(start, start + 4), image.subarray(start + 8, start + 32)),
      true,
    );
  }

  function sealHeader(page: number): void {
    view.setUint32(page * PAGE + 28, crc32(image.subarray(page * PAGE + 4, page * PAGE + 28)), true);
  }

  /** Changes one byte of an entry and updates its checksum. */
  function change(page: number, entry: number, offset: number, byte: number): void {
    set(at(page, entry) + offset, byte);
    sealEntry(page, entry);
  }

  function changeHeader(page: number, offset: number, byte: number): void {
    set(page * PAGE + offset, byte);
    sealHeader(page);
  }

  /** Sets the state of an entry: 3 is empty, 2 is written, 0 is erased. */
  function setState(page: number, entry: number, state: number): void {
    const offset = page * PAGE + 32 + (entry >> 2);
    const shift = 2 * (entry & 3);
    image[offset] = ((image[offset] ?? 0) & ~(3 << shift)) | (state << shift);
  }

  function expectError(message: string): void {
    expect(() => readNVSImage(image)).toThrow(NVSError);
    expect(() => readNVSImage(image)).toThrow(message);
  }

  test("reads an image inside a larger buffer", () => {
    const around = new Uint8Array(image.length + 20);
    around.set(image, 10);
    expect(readNVSImage(around.subarray(10, 10 + image.length))).toEqual(readNVSImage(image));
  });

  test("reads pages in the order of their sequence numbers", () => {
    const before = readNVSImage(image);
    const [first, second] = [image.slice(0, PAGE), image.slice(PAGE, 2 * PAGE)];
    image.set(first, 3 * PAGE);
    image.set(second, 0);
    image.fill(0xff, PAGE, 2 * PAGE);
    expect(readNVSImage(image)).toEqual(before);
  });

  test("skips erased entries", () => {
    for (const entry of [1, 2, 3, 4]) setState(0, entry, 0);
    expect([...(readNVSImage(image).get("plugpass")?.keys() ?? [])]).toEqual(["big"]);
  });

  test("reads a replaced value, whose chunks start at 128", () => {
    set(at(0, 1) + 3, 128);
    sealEntry(0, 1);
    set(at(0, 4) + 29, 128);
    sealEntry(0, 4);
    expect(readNVSImage(image).get("plugpass")?.get("device")).toEqual(new Uint8Array(40).fill(7));
  });

  test.each([0, 1, 4095, 4097])("refuses %i bytes", (length) => {
    expect(() => readNVSImage(new Uint8Array(length).fill(0xff))).toThrow("are not a multiple of 4096");
  });

  test("refuses two pages", () => {
    expect(() => readNVSImage(image.subarray(0, 2 * PAGE))).toThrow("at least 3 pages");
  });

  test.each<[string, () => void, string]>([
    ["corrupt", () => view.setUint32(0, 0), "page 0: its state 0x0 is neither"],
    ["being erased", () => view.setUint32(PAGE, 0xfffffff8, true), "page 1: its state 0xfffffff8 is neither"],
    ["with a changed header", () => set(PAGE + 4, 9), "page 1: the checksum of its header"],
    ["of version 1", () => changeHeader(0, 8, 0xff), "page 0: its version 0xff is not 0xfe"],
    ["of version 3", () => changeHeader(0, 8, 0xfd), "page 0: its version 0xfd is not 0xfe"],
    ["with more in its header", () => changeHeader(0, 20, 1), "page 0: the unused part of its header"],
    ["with another's number", () => changeHeader(1, 4, 0), "page 1: has the sequence number of page 0, 0"],
    ["active beside another", () => set(0, 0xfe), "page 1: is active as another page is"],
    ["called empty, with something in it", () => set(3 * PAGE + 4000, 0), "page 3: is empty, but not erased"],
    ["with more states than entries", () => set(63, 0x0f), "page 0: the unused bits of its entry states"],
  ])("refuses a page that is %s", (_name, damage, message) => {
    damage();
    expectError(message);
  });

  test("refuses a partition without a free page", () => {
    const [first, second] = [image.slice(0, PAGE), image.slice(PAGE, 2 * PAGE)];
    image = Uint8Array.from([...first, ...second, ...new Uint8Array(PAGE).fill(0xff)]);
    expect(readNVSImage(image).size).toBe(1);
    image.set(first, 2 * PAGE);
    view = new DataView(image.buffer);
    set(2 * PAGE + 4, 5);
    sealHeader(2);
    expectError("no page is free");
  });

  test.each<[string, () => void, string]>([
    ["state 01", () => setState(0, 2, 1), "page 0, entry 2: its state 01 is invalid"],
    ["a changed head", () => set(at(0, 4) + 24, 41), "page 0, entry 4: its checksum is wrong"],
    ["changed data", () => set(at(0, 2), 9), "page 0, entry 1: the checksum of its data is wrong"],
    ["data that is not filled up", () => set(at(0, 3) + 31, 0), "page 0, entry 1: its data is not padded"],
    ["no span", () => change(0, 1, 2, 0), "page 0, entry 1: its span of 0 does not fit"],
    [
      "a span beyond the page",
      () => change(0, 5, 2, 122),
      "page 0, entry 5: its span of 122 does not fit the page",
    ],
    [
      "a span that is not its size's",
      () => change(0, 1, 24, 80),
      "page 0, entry 1: its 80 bytes do not make a span of 3",
    ],
    ["half of it erased", () => setState(0, 3, 0), "page 0, entry 1: entry 3 belongs to it and is erased"],
    ["half of it empty", () => setState(0, 3, 3), "page 0, entry 1: entry 3 belongs to it and is empty"],
    [
      "empty state, with something in it",
      () => setState(1, 6, 3),
      "page 1, entry 6: is empty, but not erased",
    ],
    [
      "written state after an empty one",
      () => {
        image.fill(0xff, at(1, 6), at(1, 7));
        setState(1, 6, 3);
        setState(1, 9, 2);
      },
      "page 1, entry 9: is written, but entry 6 before it is empty",
    ],
    ["no key", () => change(0, 4, 8, 0), "page 0, entry 4: its key is not 1-15"],
    [
      "a key without end",
      () => {
        image.fill(0x61, at(0, 4) + 8, at(0, 4) + 24);
        sealEntry(0, 4);
      },
      "page 0, entry 4: its key is not 1-15",
    ],
    ["a key with more behind its end", () => change(0, 4, 23, 1), "page 0, entry 4: its key is not padded"],
    [
      "a type that is no blob's",
      () => change(0, 4, 1, 0x21),
      "page 0, entry 4: type 0x21 in namespace 1 is neither",
    ],
    [
      "reserved bytes in use, in a chunk",
      () => change(0, 1, 26, 0),
      "page 0, entry 1: the reserved bytes of a chunk",
    ],
    [
      "reserved bytes in use, in an index",
      () => change(0, 4, 30, 0),
      "page 0, entry 4: the reserved bytes of a blob index",
    ],
    [
      "a chunk index in an index",
      () => change(0, 4, 3, 0),
      "page 0, entry 4: a blob index has a span of 1 and no chunk index",
    ],
    [
      "a chunk index in a namespace",
      () => change(0, 0, 3, 0),
      "page 0, entry 0: a namespace has a span of 1 and no chunk index",
    ],
    [
      "a namespace's number of more bytes",
      () => change(0, 0, 25, 0),
      "page 0, entry 0: a namespace's number is not padded",
    ],
    ["namespace 255", () => change(0, 0, 24, 255), "page 0, entry 0: 255 is not a namespace number"],
    ["a namespace that has no name", () => change(0, 4, 0, 2), "page 0, entry 4: namespace 2 has no name"],
    [
      "an index of another size",
      () => change(0, 4, 24, 41),
      'page 0, entry 4: "device" has 40 bytes, but its index has the size 41',
    ],
    ["an index of more chunks", () => change(0, 4, 28, 2), 'page 0, entry 4: chunk 1 of "device" is missing'],
    [
      "an index of other chunks",
      () => change(0, 4, 29, 1),
      "page 0, entry 4: its first chunk 1 is neither 0 nor 128",
    ],
    [
      "an index that is erased",
      () => setState(0, 4, 0),
      'page 0, entry 1: chunk 0 of "device" belongs to no',
    ],
    ["a duplicate chunk", () => change(1, 0, 3, 0), "page 1, entry 0: the chunk appears twice"],
  ])("refuses an entry with %s", (_name, damage, message) => {
    damage();
    expectError(message);
  });

  test("refuses a duplicate key and a duplicate namespace", () => {
    const twice = (head: number, changed: number) => {
      image.copyWithin(at(1, 7), head, head + 32);
      setState(1, 7, 2);
      change(1, 7, changed, 0x70);
    };
    const index = at(0, 4);
    twice(index, 24);
    expectError('page 1, entry 7: the key "device" appears twice');
    twice(at(0, 0), 24);
    expectError('page 1, entry 7: the namespace "plugpass" appears twice');
    twice(at(0, 0), 9);
    expectError("page 1, entry 7: namespace 1 appears twice");
  });

  test("refuses each of 2,000 images with one changed byte with an NVSError", () => {
    const seed = 4;
    const random = new Random(seed);
    const original = image.slice();
    for (let run = 0; run < 2000; run++) {
      // Pages 0 and 1 are full of entries up to here.
      const offset = random.pick([random.int(PAGE), PAGE + random.int(at(0, 7))]);
      image.set(original);
      image[offset] = (image[offset] ?? 0) ^ (1 << random.int(8));
      let error: unknown;
      try {
        readNVSImage(image);
      } catch (caught) {
        error = caught;
      }
      if (!(error instanceof NVSError))
        throw new Error(`seed ${seed}, run ${run}: byte ${offset} gives ${error}`);
    }
  });
});
