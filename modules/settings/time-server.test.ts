import { describe, expect, test } from "@jest/globals";
import type { Storage } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { readTimeServer } from "./index.js";

function storageWith(read: Storage["read"]): Storage {
  return { read, write: () => {}, delete: () => {}, keys: () => ["device"], close: () => {} };
}

describe("readTimeServer", () => {
  test.each<[string, string | undefined]>([
    ['{"v":1,"timeServer":"time.cafe.example"}', "time.cafe.example"],
    ['{"v":1,"timeServer":"192.168.1.1"}', "192.168.1.1"],
    ['{"v":1,"deviceId":"cafe-1"}', undefined],
    ['{"v":1,"timeServer":""}', undefined],
    ['{"v":1,"timeServer":"-cafe"}', undefined],
    ['{"v":1,"timeServer":"a b"}', undefined],
    ['{"v":1,"timeServer":5}', undefined],
    [`{"v":1,"timeServer":"${"a".repeat(254)}"}`, undefined],
    ["{", undefined],
  ])("reads %s", (record, host) => {
    expect(readTimeServer(storageWith(() => encodeUTF8(record).buffer))).toBe(host);
  });

  test("returns nothing without a record, and when the flash cannot be read", () => {
    expect(readTimeServer(storageWith(() => undefined))).toBeUndefined();
    const broken = storageWith(() => {
      throw new Error("no flash");
    });
    expect(readTimeServer(broken)).toBeUndefined();
  });
});
