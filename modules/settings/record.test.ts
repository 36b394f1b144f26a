import { beforeEach, describe, expect, test } from "@jest/globals";
import { FirmwareRun, Flash } from "../../host-tests/virtual/board/index.js";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Storage } from "../board/index.js";
import { decodeUTF8, encodeUTF8 } from "../bytes/index.js";
import { type RecordFormat, StoredRecord } from "./index.js";

const FORMAT: RecordFormat<number> = {
  key: "count",
  version: 2,
  parse: ({ count }) => (typeof count === "number" ? count : undefined),
  format: (count) => ({ count }),
};

let lines: string[];

beforeEach(() => {
  lines = [];
});

function recordIn(storage: Storage, format = FORMAT): StoredRecord<number> {
  return new StoredRecord({ storage, format, board: { log: (line) => lines.push(line) } });
}

describe("StoredRecord", () => {
  let storage: Storage;
  let record: StoredRecord<number>;

  beforeEach(() => {
    storage = new Flash().open("plugpass", new FirmwareRun({ clock: new VirtualClock(), onEnd: () => {} }));
    record = recordIn(storage);
  });

  function textOf(key: string): string | undefined {
    const bytes = storage.read(key);
    return bytes && decodeUTF8(bytes);
  }

  test("is undefined before it is written, and reports nothing", () => {
    expect([record.read(), lines]).toEqual([undefined, []]);
  });

  test("is written as JSON with its version, and read again", () => {
    record.write(7);
    expect(textOf("count")).toBe('{"v":2,"count":7}');
    expect(record.read()).toBe(7);
    expect(record.tryWrite(8)).toBeUndefined();
    expect(record.read()).toBe(8);
  });

  test("is undefined after it is cleared", () => {
    record.write(7);
    record.clear();
    expect([record.read(), storage.keys(), lines]).toEqual([undefined, [], []]);
  });

  test.each([1, 2, 3, 99])("passes the version %d that it was written with to the parser", (v) => {
    const versions: number[] = [];
    const format: RecordFormat<number> = {
      ...FORMAT,
      parse: (fields, version) => {
        versions.push(version);
        return FORMAT.parse(fields, version);
      },
    };
    storage.write("count", encodeUTF8(JSON.stringify({ v, count: 7 })));
    expect(recordIn(storage, format).read()).toBe(7);
    expect(versions).toEqual([v]);
  });

  test.each([
    "",
    "{",
    "[]",
    "null",
    '{"count":7}',
    '{"v":0,"count":7}',
    '{"v":1.5,"count":7}',
    '{"v":"1"}',
    '{"v":1}',
  ])("that contains %j is set aside and reported once", (text) => {
    storage.write("count", encodeUTF8(text));
    expect(record.read()).toBeUndefined();
    expect(record.read()).toBeUndefined();
    expect([textOf("count"), textOf("bad-count")]).toEqual([undefined, text]);
    expect(lines).toEqual([
      'settings: the record "count" cannot be read; kept as "bad-count"; the station continues without it',
    ]);
  });

  test("that cannot be set aside stays in place", () => {
    storage.write("count", encodeUTF8("{"));
    const full: Storage = {
      ...storage,
      write: () => {
        throw new Error("the storage is full");
      },
    };
    expect(recordIn(full).read()).toBeUndefined();
    expect(textOf("count")).toBe("{");
    expect(lines.at(-1)).toBe('settings: no room to set the record "count" aside; it stays in place');
  });
});

describe("StoredRecord that is read-only", () => {
  const format: RecordFormat<number> = { ...FORMAT, readOnly: true };

  test("can be neither written nor cleared", () => {
    const storage = new Flash().open(
      "plugpass",
      new FirmwareRun({ clock: new VirtualClock(), onEnd: () => {} }),
    );
    const record = recordIn(storage, format);
    expect(() => record.write(7)).toThrow("read-only");
    storage.write("count", encodeUTF8('{"v":1,"count":7}'));
    expect(() => record.clear()).toThrow("read-only");
    expect(record.read()).toBe(7);
  });

  test("stays in place when it is unreadable", () => {
    const storage = new Flash().open(
      "plugpass",
      new FirmwareRun({ clock: new VirtualClock(), onEnd: () => {} }),
    );
    storage.write("count", encodeUTF8("{"));
    expect(recordIn(storage, format).read()).toBeUndefined();
    expect(storage.keys()).toEqual(["count"]);
    expect(lines).toEqual(['settings: the record "count" cannot be read; provision the station again']);
  });
});

describe("StoredRecord in a broken storage", () => {
  function broken(error: unknown): StoredRecord<number> {
    const fail = () => {
      throw error;
    };
    return recordIn({ read: fail, write: fail, delete: fail, keys: fail, close: fail });
  }

  test("reports a failed read or delete without throwing", () => {
    const record = broken(new Error("no flash"));
    expect(record.read()).toBeUndefined();
    record.clear();
    expect(lines).toEqual([
      'settings: the record "count" cannot be read: no flash',
      'settings: the record "count" cannot be deleted: no flash',
    ]);
  });

  test("throws when a write fails, and returns the message from tryWrite", () => {
    expect(() => broken(new Error("no flash")).write(1)).toThrow("no flash");
    expect(broken(new Error("no flash")).tryWrite(1)).toBe("no flash");
  });

  test("reports an exception that is not an Error", () => {
    expect(broken("text").read()).toBeUndefined();
    broken("text").clear();
    expect(lines.map((line) => line.split(": ").at(-1))).toEqual(["unknown", "unknown"]);
  });
});
