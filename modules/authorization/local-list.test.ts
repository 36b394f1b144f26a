import { beforeEach, describe, expect, test } from "@jest/globals";
import { FirmwareRun, Flash } from "../../host-tests/virtual/board/index.js";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Storage } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import type { JSONObject } from "../json/index.js";
import { StoredRecord } from "../settings/index.js";
import {
  LIST_PAGE_TAGS,
  LocalList,
  listIndexFormat,
  listPageFormat,
  MAX_LISTED_PROOFS,
  MAX_LISTED_TAGS,
} from "./index.js";

/** Returns a distinct hash for each number; the first 32 digits differ. */
function hashOf(n: number): string {
  return n.toString(16).padStart(8, "0").repeat(8);
}

function hashes(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => hashOf(from + i));
}

let flash: Flash;
let storage: Storage;
let isBroken: boolean;
let reports: string[];

/** The list in one run of the firmware. */
function makeList(): LocalList {
  const board = { log: (line: string) => reports.push(line) };
  return new LocalList({ open: (format) => new StoredRecord({ storage, format, board }) });
}

function makeFilledList(tags: readonly string[], version = 7): LocalList {
  const list = makeList();
  list.put(0, tags);
  list.commit({ version, count: tags.length });
  return list;
}

beforeEach(() => {
  flash = new Flash();
  isBroken = false;
  reports = [];
  const opened = flash.open("plugpass", new FirmwareRun({ clock: new VirtualClock(), onEnd: () => {} }));
  storage = {
    ...opened,
    write: (key, value) => {
      if (isBroken) throw new Error("no flash");
      opened.write(key, value);
    },
  };
});

describe("LocalList", () => {
  test("without a record has version 0 and no tags", () => {
    const list = makeList();
    expect([list.version, list.count]).toEqual([0, 0]);
    expect(list.has(hashOf(1))).toBe(false);
  });

  test.each([1, LIST_PAGE_TAGS, LIST_PAGE_TAGS + 1, MAX_LISTED_TAGS])(
    "with %d tags has each of them and no other, also after a restart",
    (count) => {
      makeFilledList(hashes(count));
      const list = makeList();
      expect([list.version, list.count]).toEqual([7, count]);
      for (const hash of hashes(count)) expect(list.has(hash)).toBe(true);
      expect(list.has(hashOf(count))).toBe(false);
    },
  );

  test("finds no tag across the border of two keys", () => {
    const [first, second] = [`${"0".repeat(16)}${"1".repeat(48)}`, `${"2".repeat(16)}${"3".repeat(48)}`];
    const list = makeFilledList([first, second]);
    expect(list.has(`${"1".repeat(16)}${"2".repeat(16)}${"0".repeat(32)}`)).toBe(false);
    expect(list.has(second)).toBe(true);
  });

  test("finds a key that also appears across the border of two keys before it", () => {
    const wanted = `${"1".repeat(16)}${"2".repeat(16)}${"0".repeat(32)}`;
    const list = makeFilledList([
      `${"0".repeat(16)}${"1".repeat(48)}`,
      `${"2".repeat(16)}${"3".repeat(48)}`,
      wanted,
    ]);
    expect(list.has(wanted)).toBe(true);
  });
});

describe("A new list", () => {
  test("is not in force before it is committed", () => {
    const list = makeFilledList(hashes(3));
    list.put(0, hashes(3, 100));
    expect(list.has(hashOf(0))).toBe(true);
    expect(list.has(hashOf(100))).toBe(false);
    expect(makeList().has(hashOf(0))).toBe(true);
  });

  test("replaces the old one and deletes its pages", () => {
    const list = makeFilledList(hashes(120));
    list.put(0, hashes(2, 1000));
    list.commit({ version: 8, count: 2 });
    expect([list.version, list.count]).toEqual([8, 2]);
    expect(list.has(hashOf(0))).toBe(false);
    expect(list.has(hashOf(1001))).toBe(true);
    expect(storage.keys().sort()).toEqual(["list-a0", "local-list"]);
  });

  test("of one full page writes no second page", () => {
    makeFilledList(hashes(LIST_PAGE_TAGS));
    expect(storage.keys().sort()).toEqual(["list-b0", "local-list"]);
  });

  test("whose index cannot be written leaves the old one in force", () => {
    const list = makeFilledList(hashes(3));
    list.put(0, hashes(3, 100));
    isBroken = true;
    expect(() => list.commit({ version: 8, count: 3 })).toThrow("no flash");
    expect(list.version).toBe(7);
    expect(list.has(hashOf(0))).toBe(true);
    expect(list.has(hashOf(100))).toBe(false);
  });
});

describe("A struck tag", () => {
  test("is not on the list, also after a restart, and the other tags stay", () => {
    makeFilledList(hashes(60)).strike(hashOf(55));
    const list = makeList();
    expect(list.has(hashOf(55))).toBe(false);
    expect(hashes(60).filter((hash) => list.has(hash))).toHaveLength(59);
    expect(list.version).toBe(7);
  });

  test("is restored when the platform authorizes it again, also after a restart", () => {
    const list = makeFilledList(hashes(60));
    list.strike(hashOf(55));
    list.restore(hashOf(55));
    expect(list.has(hashOf(55))).toBe(true);
    expect(makeList().has(hashOf(55))).toBe(true);
  });

  test("that the storage does not accept is off the list until the restart", () => {
    const list = makeFilledList(hashes(3));
    isBroken = true;
    expect(() => list.strike(hashOf(1))).toThrow("no flash");
    expect(list.has(hashOf(1))).toBe(false);
    expect(list.has(hashOf(2))).toBe(true);
    expect(makeList().has(hashOf(1))).toBe(true);
  });

  test("that the storage did not accept stays off the list when another one is restored", () => {
    const list = makeFilledList(hashes(3));
    isBroken = true;
    for (const n of [1, 2]) expect(() => list.strike(hashOf(n))).toThrow("no flash");
    list.restore(hashOf(1));
    expect([list.has(hashOf(1)), list.has(hashOf(2))]).toEqual([true, false]);
  });

  test("that the storage did not accept is stored when it is struck again", () => {
    const list = makeFilledList(hashes(3));
    isBroken = true;
    expect(() => list.strike(hashOf(1))).toThrow("no flash");
    isBroken = false;
    list.strike(hashOf(1));
    expect(makeList().has(hashOf(1))).toBe(false);
  });

  test("that the storage did not accept is restored in memory too", () => {
    const list = makeFilledList(hashes(3));
    isBroken = true;
    expect(() => list.strike(hashOf(1))).toThrow("no flash");
    isBroken = false;
    list.restore(hashOf(1));
    expect(list.has(hashOf(1))).toBe(true);
  });

  test("is on the list again when the next list has it", () => {
    const list = makeFilledList(hashes(3));
    list.strike(hashOf(1));
    list.put(0, hashes(3));
    list.commit({ version: 8, count: 3 });
    expect(list.has(hashOf(1))).toBe(true);
  });

  test("that was never listed writes nothing", () => {
    const list = makeFilledList(hashes(3));
    const before = flash.writeCount;
    list.strike(hashOf(50));
    list.restore(hashOf(50));
    expect(flash.writeCount).toBe(before);
  });
});

describe("A card with a secret", () => {
  const KEY = "R0-_zrvzXmpJZXxQRRzmnqcOsxY8f20YQkwO_vu3WRY";
  const entryOf = (n: number, key = KEY) => `${hashOf(n)}:${key}`;

  test("has its station key, and is no plain tag, also after a restart", () => {
    const other = "B".repeat(43);
    makeFilledList([hashOf(1), entryOf(2), ...hashes(60, 100), entryOf(3, other)]);
    const list = makeList();
    expect([1, 2, 3, 100, 4].map((n) => list.has(hashOf(n)))).toEqual([true, false, false, true, false]);
    const keys = [1, 2, 3, 100, 4].map((n) => list.stationKeyOf(hashOf(n)));
    expect(keys).toEqual([undefined, KEY, other, undefined, undefined]);
  });

  test("that is also a plain tag has two entries, which are struck and restored apart", () => {
    const list = makeFilledList([hashOf(1), entryOf(1)]);
    list.strike(hashOf(1));
    expect([list.has(hashOf(1)), list.stationKeyOf(hashOf(1))]).toEqual([false, KEY]);
    list.strike(hashOf(1), "proofs");
    list.restore(hashOf(1));
    const restarted = makeList();
    expect([restarted.has(hashOf(1)), restarted.stationKeyOf(hashOf(1))]).toEqual([true, undefined]);
    restarted.restore(hashOf(1), "proofs");
    expect([list.has(hashOf(1)), list.stationKeyOf(hashOf(1))]).toEqual([true, KEY]);
  });

  test("that the storage does not accept as struck has no station key until the restart", () => {
    const list = makeFilledList([entryOf(1)]);
    isBroken = true;
    expect(() => list.strike(hashOf(1), "proofs")).toThrow("no flash");
    expect(list.stationKeyOf(hashOf(1))).toBeUndefined();
  });

  test("is not found in the station key of another card", () => {
    const list = makeFilledList([entryOf(1, `${hashOf(7).slice(0, 32)}${"A".repeat(11)}`), entryOf(2)]);
    expect([7, 2].map((n) => list.stationKeyOf(hashOf(n)))).toEqual([undefined, KEY]);
  });

  test("needs no record of more than 4000 bytes, and all of them fit into the storage twice", () => {
    const entries = (from: number) =>
      Array.from({ length: MAX_LISTED_TAGS }, (_, n) =>
        n < MAX_LISTED_PROOFS ? entryOf(from + n) : hashOf(from + n),
      );
    const list = makeFilledList(entries(0));
    list.put(0, entries(1000));
    const sizes = storage.keys().map((key) => storage.read(key)?.byteLength ?? 0);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4000);
    // The partition has 80 KB, of which 64 finished sessions need about 20 KB.
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(48_000);
  });
});

describe("A damaged list", () => {
  test("has version 0, so that it is downloaded again, and keeps its readable pages", () => {
    makeFilledList(hashes(120));
    storage.write("list-b1", encodeUTF8("{"));
    const list = makeList();
    expect(list.version).toBe(0);
    expect(list.has(hashOf(0))).toBe(true);
    expect(list.has(hashOf(LIST_PAGE_TAGS))).toBe(false);
    expect(list.has(hashOf(119))).toBe(true);
    expect(reports).not.toEqual([]);
  });

  test("is complete again with the next list", () => {
    makeFilledList(hashes(120));
    storage.write("list-b1", encodeUTF8("{"));
    const list = makeList();
    list.put(0, hashes(120));
    list.commit({ version: 8, count: 120 });
    expect(list.version).toBe(8);
    expect(makeList().version).toBe(8);
  });
});

describe("A cleared list", () => {
  test("has no tags, also after a restart, and leaves no page behind", () => {
    const list = makeFilledList(hashes(120));
    list.clear();
    expect([list.version, list.count]).toEqual([0, 0]);
    expect(list.has(hashOf(0))).toBe(false);
    expect(makeList().has(hashOf(0))).toBe(false);
    expect(storage.keys()).toEqual(["local-list"]);
  });

  test.each([
    [7, 0],
    [0, 3],
  ])("that had the version %d and %d tags has neither after a restart", (version, count) => {
    const list = makeFilledList(hashes(count), version);
    list.clear();
    const restarted = makeList();
    expect([restarted.version, restarted.count]).toEqual([0, 0]);
  });

  test("has no tags even when the storage fails", () => {
    const list = makeFilledList(hashes(3));
    isBroken = true;
    expect(() => list.clear()).toThrow("no flash");
    expect(list.has(hashOf(0))).toBe(false);
  });

  test("that was empty writes nothing", () => {
    const list = makeList();
    const before = flash.writeCount;
    list.clear();
    expect(flash.writeCount).toBe(before);
  });
});

describe("The record local-list", () => {
  test("is read as it was written", () => {
    const index = { version: 3, side: "b", count: 500 } as const;
    expect(listIndexFormat.parse(listIndexFormat.format(index), 1)).toEqual(index);
  });

  test.each([
    { version: -1, side: "a", count: 1 },
    { version: 1, side: "c", count: 1 },
    { version: 1, side: "a", count: MAX_LISTED_TAGS + 1 },
    { version: 1, side: "a" },
    { side: "a", count: 1 },
  ])("refuses %j", (fields) => {
    expect(listIndexFormat.parse(fields, 1)).toBeUndefined();
  });
});

describe("The record of a page", () => {
  const format = listPageFormat("a0");

  test.each([
    { tags: "0123", proofs: "" },
    { tags: "", proofs: "4567" },
  ])("is read as it was written: %j", (page) => {
    expect([format.key, format.parse(format.format(page), 1)]).toEqual(["list-a0", page]);
  });

  test("of a former firmware has no cards with a secret", () => {
    expect(format.parse({ tags: "0123" }, 1)).toEqual({ tags: "0123", proofs: "" });
  });

  test.each([{ tags: undefined }, { tags: 5 }, { tags: ["0123"] }, { tags: "", proofs: 5 }])(
    "is refused with the fields %j",
    (fields) => {
      expect(format.parse(fields as JSONObject, 1)).toBeUndefined();
    },
  );
});
