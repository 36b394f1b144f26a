import { describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import { keyFormat, keyIdOf, ResponseKey } from "./index.js";
import type { ReplacedKey } from "./response-key.js";

const PROVISIONED = new Uint8Array(32).fill(7);
const NEW = new Uint8Array(32).fill(8);
const crypto = virtualCrypto(new Random(1));

/** A record in memory. */
class FakeRecord {
  stored: ReplacedKey | undefined;
  failure: string | undefined;

  read = () => this.stored;
  tryWrite = (value: ReplacedKey) => {
    if (this.failure === undefined) this.stored = value;
    return this.failure;
  };
}

function open(record: FakeRecord, provisioned = PROVISIONED): ResponseKey {
  return new ResponseKey({ crypto, provisioned, record });
}

describe("ResponseKey", () => {
  test("is the provisioned key until it is replaced, and the new key after a restart", () => {
    const record = new FakeRecord();
    const key = open(record);
    expect(key.bytes).toEqual(PROVISIONED);
    expect(key.replace(NEW)).toBeUndefined();
    expect(key.bytes).toEqual(NEW);
    expect(open(record).bytes).toEqual(NEW);
  });

  test("can be replaced repeatedly", () => {
    const record = new FakeRecord();
    open(record).replace(NEW);
    const another = new Uint8Array(32).fill(9);
    open(record).replace(another);
    expect(open(record).bytes).toEqual(another);
  });

  test("stays when the new key cannot be stored", () => {
    const record = new FakeRecord();
    record.failure = "the storage is full";
    const key = open(record);
    expect(key.replace(NEW)).toBe("the storage is full");
    expect(key.bytes).toEqual(PROVISIONED);
  });

  test("is the provisioned key after the station was provisioned again with another one", () => {
    const record = new FakeRecord();
    open(record).replace(NEW);
    const again = new Uint8Array(32).fill(10);
    expect(open(record, again).bytes).toEqual(again);
  });
});

describe("the record key", () => {
  test("is parsed as it was formatted", () => {
    const value = { of: keyIdOf(crypto, PROVISIONED), key: NEW };
    expect(keyFormat.parse(keyFormat.format(value), 1)).toEqual(value);
  });

  test.each([{}, { of: "", key: "08".repeat(32) }, { of: "ab", key: "08" }, { of: "ab" }])(
    "is refused as %j",
    (fields) => {
      expect(keyFormat.parse(fields, 1)).toBeUndefined();
    },
  );
});

test("the id of a key is the first 8 bytes of its SHA-256, in hex", () => {
  // SHA-256 of 32 zero bytes begins with 66687aadf862bd77.
  expect(keyIdOf(crypto, new Uint8Array(32))).toBe("66687aadf862bd77");
});
