import { describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import type { Bytes, Storage } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { type RecordSource, StoredRecord } from "../settings/index.js";
import { keyFormat, keyIdOf, ResponseKey } from "./index.js";

const PROVISIONED = new Uint8Array(32).fill(7);
const NEW = new Uint8Array(32).fill(8);
const crypto = virtualCrypto(new Random(1));

/** A storage in memory, which can be full. */
class FakeStorage implements Storage {
  readonly values = new Map<string, ArrayBuffer>();
  isFull = false;

  read = (key: string) => this.values.get(key);
  write = (key: string, value: Bytes) => {
    if (this.isFull) throw new Error("the storage is full");
    this.values.set(key, asUint8Array(value).slice().buffer);
  };
  delete = (key: string) => void this.values.delete(key);
  keys = () => [...this.values.keys()];
  close() {}
}

function open(storage: Storage, provisioned = PROVISIONED): ResponseKey {
  const board = { log: () => {} };
  const records: RecordSource = { open: (format) => new StoredRecord({ storage, format, board }) };
  return new ResponseKey({ crypto, provisioned, records });
}

describe("ResponseKey", () => {
  test("is the provisioned key until it is replaced, and the new key after a restart", () => {
    const storage = new FakeStorage();
    const key = open(storage);
    expect(key.bytes).toEqual(PROVISIONED);
    expect(key.replace(NEW)).toBeUndefined();
    expect(key.bytes).toEqual(NEW);
    expect(open(storage).bytes).toEqual(NEW);
  });

  test("can be replaced repeatedly", () => {
    const storage = new FakeStorage();
    open(storage).replace(NEW);
    const another = new Uint8Array(32).fill(9);
    open(storage).replace(another);
    expect(open(storage).bytes).toEqual(another);
  });

  test("stays when the new key cannot be stored", () => {
    const storage = new FakeStorage();
    storage.isFull = true;
    const key = open(storage);
    expect(key.replace(NEW)).toBe("the storage is full");
    expect(key.bytes).toEqual(PROVISIONED);
  });

  test("is the provisioned key after the station was provisioned again with another one", () => {
    const storage = new FakeStorage();
    open(storage).replace(NEW);
    const again = new Uint8Array(32).fill(10);
    expect(open(storage, again).bytes).toEqual(again);
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
