/**
 * Checks each record that one firmware leaves for another: a newer firmware reads it after an update, and an older
 * one after a rollback. A record without an entry here fails.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ownerFormat } from "../../../firmware/platform/owner.js";
import { settingsFormat } from "../../../firmware/settings.js";
import { restartsFormat } from "../../../firmware/update/boot-counter.js";
import { listIndexFormat, listPageFormat } from "../../../modules/authorization/local-list.js";
import type { Bytes as BoardBytes, Storage } from "../../../modules/board/index.js";
import { asUint8Array, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import { accessPointFormat } from "../../../modules/pairing/index.js";
import { candidateFormat, pairingFormat } from "../../../modules/pairing/parameters.js";
import { keyFormat } from "../../../modules/requests/index.js";
import { bookFormat, logFormat } from "../../../modules/sessions/session.js";
import { deviceFormat, type RecordFormat, StoredRecord } from "../../../modules/settings/index.js";
import { updateFormat } from "../../../modules/updates/index.js";
import { loginFormat } from "../../../modules/web/login.js";
import { ROOT } from "../../tools/imports.js";
import { fuzz, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS } from "../../virtual/world/random.js";

type Bytes = Uint8Array<ArrayBuffer>;

const SESSION = {
  id: "00c0ffee00c0ffee",
  tag: "ab".repeat(32),
  tagEnd: "0001",
  method: "ble",
  currentA: 16,
  start: 1_800_000_000,
  seconds: 60,
  startWh: 1000,
};

interface Kept {
  readonly format: RecordFormat<unknown>;
  /** The record as its first version has written it, without `v`. This never changes. */
  readonly first: JSONObject;
  /** Its current meaning. */
  readonly value: unknown;
}

function kept<T>(format: RecordFormat<T>, first: JSONObject, value: unknown): Kept {
  return { format: format as RecordFormat<unknown>, first, value };
}

/** The records by their keys as in the source. */
const RECORDS: Readonly<Record<string, Kept>> = {
  device: kept(
    deviceFormat,
    { deviceId: "cafe-1", productId: "cafe", responseKey: "0f".repeat(32), cipher: "aes-256-gcm" },
    expect.objectContaining({ deviceId: "cafe-1", productId: "cafe", cipher: "aes-256-gcm" }),
  ),
  key: kept(
    keyFormat,
    { of: "0123456789abcdef", key: "0f".repeat(32) },
    { of: "0123456789abcdef", key: new Uint8Array(32).fill(15) },
  ),
  pairing: kept(
    pairingFormat,
    {
      ssid: "Home",
      psk: "correct horse",
      email: "a@b.example",
      token: "t",
      host: "h.example",
      port: 1883,
      tls: false,
    },
    expect.objectContaining({
      wifi: { ssid: "Home", password: "correct horse" },
      host: "h.example",
      port: 1883,
    }),
  ),
  owner: kept(ownerFormat, { user: "0123abcd" }, "0123abcd"),
  candidate: kept(
    candidateFormat,
    { fields: { ssid: "Home" }, isTried: true },
    expect.objectContaining({ fields: new Map([["ssid", "Home"]]), isTried: true }),
  ),
  login: kept(
    loginFormat,
    { hash: "ab".repeat(32) },
    { hash: new Uint8Array(32).fill(0xab), isInitial: false },
  ),
  "access-point": kept(accessPointFormat, { password: "abcdefgh2345" }, "abcdefgh2345"),
  options: kept(
    settingsFormat,
    { currentLimitA: 10, offlinePolicy: "list", cardEnds: false, resumes: true },
    expect.objectContaining({ currentLimitA: 10, offlinePolicy: "list", cardEnds: false, resumes: true }),
  ),
  restarts: kept(restartsFormat, { count: 7, quick: 1 }, { count: 7, quick: 1 }),
  "local-list": kept(
    listIndexFormat,
    { version: 3, side: "b", count: 2 },
    { version: 3, side: "b", count: 2 },
  ),
  "list-${name}": kept(
    listPageFormat("a0"),
    { tags: "ab".repeat(16) },
    { tags: "ab".repeat(16), proofs: "" },
  ),
  session: kept(
    bookFormat,
    { meterWh: 1234, ownWh: 99_000, session: { ...SESSION, meterFault: "meter-silent" } },
    expect.objectContaining({ meterWh: 1234, session: expect.objectContaining({ id: SESSION.id }) }),
  ),
  "log${slot}": kept(
    logFormat(0),
    { order: 5, ...SESSION, end: 1_800_000_060, endWh: 1100, why: "unplugged" },
    expect.objectContaining({
      order: 5,
      session: expect.objectContaining({ endWh: 1100, why: "unplugged" }),
    }),
  ),
  ota: kept(
    updateFormat,
    { trial: { from: 1, to: 2, stage: "installed", hadBroker: true } },
    { trial: { from: 1, to: 2, stage: "installed", hadBroker: true }, rollback: undefined },
  ),
};

/** Returns the keys of the formats in the sources. */
function formatKeys(): string[] {
  return ["modules", "firmware"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => readFileSync(join(ROOT, folder, name), "utf8"))
      .filter((source) => /: RecordFormat</.test(source))
      .flatMap((source) => [...source.matchAll(/^ *key: ["`](.+)["`],$/gm)].map((match) => match[1] ?? "")),
  );
}

test("each record format of the sources is tested here", () => {
  expect(formatKeys().sort()).toEqual(Object.keys(RECORDS).sort());
});

/** A storage with one record. */
class OneRecord implements Storage {
  readonly values = new Map<string, Bytes>();

  read(key: string): ArrayBuffer | undefined {
    return this.values.get(key)?.slice().buffer;
  }

  write(key: string, value: BoardBytes): void {
    this.values.set(key, asUint8Array(value).slice());
  }

  delete(key: string): void {
    this.values.delete(key);
  }

  keys(): string[] {
    return [...this.values.keys()];
  }

  close(): void {}
}

describe.each(Object.entries(RECORDS))("the record %s", (_key, { format, first, value }) => {
  test("as written by the first firmware is read after an update", () => {
    expect(format.parse(first, 1)).toEqual(value);
  });

  test("as written by a newer firmware is read after a rollback", () => {
    // A newer version may add fields. It never changes the meaning of one.
    const newer = { ...first, invented: { later: true } };
    expect(format.parse(newer, format.version + 1)).toEqual(value);
  });

  test("is read as it was written", () => {
    if (format.readOnly) return;
    const written = JSON.parse(JSON.stringify(format.format(format.parse(first, 1))));
    expect(format.parse(written, format.version)).toEqual(value);
  });

  test("is refused or repaired with any fields, and then read as it was written", () => {
    const field = fc.constantFrom(...Object.keys(first));
    const simple = fc.constantFrom(0, 1, -1, 1.5, 2 ** 53, "", "a", "0", true, false, null, {}, []);
    const json = fc.oneof(simple, fc.jsonValue()) as fc.Arbitrary<JSONObject[string]>;
    fc.assert(
      fc.property(fc.dictionary(field, json), fc.integer({ min: 1, max: 9 }), (change, version) => {
        const read = format.parse({ ...first, ...change }, version);
        if (read === undefined || format.readOnly) return;
        const written = JSON.parse(JSON.stringify(format.format(read)));
        expect(format.parse(written, format.version)).toEqual(read);
      }),
      { seed: 1 },
    );
  });

  test("with changed bytes is read as it would be written, or set aside", () => {
    const valid = encodeUTF8(JSON.stringify({ v: 1, ...first }));
    const words = [
      "null",
      "-1",
      "1e999",
      "[]",
      "{}",
      '"',
      "\\u0000",
      ',"v":2',
      "true",
      ...Object.keys(first),
    ];
    fuzz({
      seed: 51,
      runs: FUZZ_RUNS / 10,
      make: (random) => mutated(random, valid, words),
      check: (bytes) => {
        const storage = new OneRecord();
        storage.values.set(format.key, bytes);
        const record = new StoredRecord({ storage, format, board: { log: () => {} } });
        const read = record.read();
        if (format.readOnly) expect([...storage.values]).toEqual([[format.key, bytes]]);
        else if (read === undefined) expect([...storage.values]).toEqual([[`bad-${format.key}`, bytes]]);
        else {
          record.write(read);
          expect(record.read()).toEqual(read);
        }
      },
    });
  });
});
