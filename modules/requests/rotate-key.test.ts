import { describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import type { Storage } from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import type { JSONObject } from "../json/index.js";
import { StoredRecord } from "../settings/index.js";
import { type RequestOutcome, ResponseKey, requestFailure, rotateKey } from "./index.js";

const OLD = new Uint8Array(32).fill(7);
const NEW = new Uint8Array(32).fill(8);
const TIMEOUT: RequestOutcome = { ok: false, failure: requestFailure("timeout") };
const UNTRUSTED: RequestOutcome = { ok: false, failure: requestFailure("untrusted") };

function ok(data: JSONObject): RequestOutcome {
  return { ok: true, data };
}

/** Runs a rotation against scripted answers; returns the requests, the key at the end and the problem. */
function rotate(answers: readonly RequestOutcome[], failure?: string) {
  const storage: Storage = {
    read: () => undefined,
    write: () => {
      if (failure !== undefined) throw new Error(failure);
    },
    delete() {},
    keys: () => [],
    close() {},
  };
  const responseKey = new ResponseKey({
    crypto: virtualCrypto(new Random(1)),
    provisioned: OLD,
    records: {
      open: (format) => new StoredRecord({ storage, format, board: { log: () => {} } }),
    },
  });
  const asked: (readonly [step: unknown, key: Uint8Array])[] = [];
  const left = [...answers];
  const problems: (string | undefined)[] = [];
  const requests: Parameters<typeof rotateKey>[0]["requests"] = {
    request(_endpoint, { step }, done, key = responseKey.bytes) {
      asked.push([step, key]);
      const answer = left.shift();
      if (answer) done(answer);
      return { close() {} };
    },
  };
  rotateKey({ requests, responseKey }, (problem) => problems.push(problem));
  return { asked, key: responseKey.bytes, problems };
}

describe("rotateKey", () => {
  test("gets a key under the old one, tries it, stores it, and reports it under the new one", () => {
    const { asked, key, problems } = rotate([
      ok({ key: encodeHex(NEW) }),
      ok({ accepted: true }),
      ok({ accepted: true }),
    ]);
    expect(asked).toEqual([
      ["get", OLD],
      ["try", NEW],
      ["done", NEW],
    ]);
    expect(key).toEqual(NEW);
    expect(problems).toEqual([undefined]);
  });

  test("succeeds when the report is not answered", () => {
    const { key, problems } = rotate([ok({ key: encodeHex(NEW) }), ok({ accepted: true }), TIMEOUT]);
    expect(key).toEqual(NEW);
    expect(problems).toEqual([undefined]);
  });

  test.each<[string, RequestOutcome[]]>([
    ["the platform does not answer", [TIMEOUT]],
    ["the offer has no key", [ok({})]],
    ["the offered key is too short", [ok({ key: "08" })]],
    ["the offered key is not hex", [ok({ key: "x".repeat(64) })]],
    ["no answer under the new key arrives", [ok({ key: encodeHex(NEW) }), TIMEOUT]],
    ["the answer under the new key cannot be opened", [ok({ key: encodeHex(NEW) }), UNTRUSTED]],
  ])("keeps the old key when %s", (_name, answers) => {
    const { key, problems } = rotate(answers);
    expect(key).toEqual(OLD);
    expect(problems).toEqual([expect.any(String)]);
  });

  test("keeps the old key when the new one cannot be stored", () => {
    const { asked, key, problems } = rotate(
      [ok({ key: encodeHex(NEW) }), ok({ accepted: true })],
      "the storage is full",
    );
    expect(asked).toHaveLength(2);
    expect(key).toEqual(OLD);
    expect(problems).toEqual(["the storage is full"]);
  });
});
