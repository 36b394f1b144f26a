/** Fuzzes the platform's responses, with and without a right seal. Node's own crypto is the reference. */

import { createDecipheriv } from "node:crypto";
import { expect, jest, test } from "@jest/globals";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import { openResponse, parseEnvelope } from "../../../modules/requests/response.js";
import type { Cipher } from "../../../modules/settings/index.js";
import { virtualCrypto } from "../../virtual/board/crypto.js";
import { fuzz, mutated } from "../../virtual/world/fuzz.js";
import { sealedResponse } from "../../virtual/world/platform-answers.js";
import { FUZZ_RUNS, Random } from "../../virtual/world/random.js";
import { holds, same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
const KEY = new Uint8Array(32).fill(7);
const TOPIC = "user/res/station-1/authorize";
const DATA = [
  { authorized: true, maxCurrent: 16 },
  { authorized: false, reason: "blocked" },
  {},
  [],
  "authorized",
  null,
  { a: [[[[[[[1]]]]]]] },
];
const CODES = ["200", "201", "400", "099", "600", "2000", "", "0x200"];
const IV_BYTES = { "aes-256-gcm": 12, "aes-256-cbc": 16 } as const;
const crypto = virtualCrypto(new Random(1));

jest.setTimeout(2 * HOUR_MS);

interface Input {
  readonly cipher: Cipher;
  readonly topic: string;
  readonly payload: Bytes;
}

/** A response that is right, or wrong before or after it was sealed. */
function makeResponse(random: Random): Input {
  const cipher = random.pick<Cipher>(["aes-256-gcm", "aes-256-cbc"]);
  const answer = {
    topic: TOPIC,
    id: "41",
    status: random.pick(["1", "1", "0", "2"]),
    code: random.pick(CODES),
  };
  const iv = random.bytes(IV_BYTES[cipher]);
  const message: Record<string, unknown> = sealedResponse(
    { ...answer, data: random.pick(DATA) },
    { cipher, key: KEY, iv },
  );
  const topic = random.bool(0.9) ? TOPIC : "user/res/station-1/session";
  if (random.bool(0.3)) {
    const field = random.pick(["id", "status", "code", "data", "__proto__"]);
    message[field] = random.pick<unknown>([
      41,
      42,
      "41",
      "1",
      200,
      "200",
      null,
      "",
      "AAAA",
      [],
      1.5,
      2 ** 53,
    ]);
  }
  const payload = encodeUTF8(JSON.stringify(message));
  return {
    cipher,
    topic,
    payload: random.bool(0.7) ? payload : mutated(random, payload, ['"', "=", "AAAA", "0"]),
  };
}

/** Opens a response with Node's crypto. Returns its data as JSON, or `undefined` for one that must not be trusted. */
function reference({ cipher, topic, payload }: Input): string | undefined {
  const { id, status, code, data } = JSON.parse(decodeUTF8(payload) ?? "");
  const sealed = Buffer.from(data, "base64");
  const iv = sealed.subarray(0, IV_BYTES[cipher]);
  const body = sealed.subarray(iv.length);
  try {
    const plain =
      cipher === "aes-256-gcm"
        ? openGCM(iv, body, `${topic}|${id}|${status}|${code}`)
        : concat(createDecipheriv(cipher, KEY, iv), body);
    return plain.toString("utf8");
  } catch {
    return undefined;
  }
}

function openGCM(iv: Buffer, body: Buffer, additionalData: string): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", KEY, iv);
  decipher.setAAD(Buffer.from(additionalData));
  decipher.setAuthTag(body.subarray(-16));
  return concat(decipher, body.subarray(0, -16));
}

function concat(decipher: { update(data: Buffer): Buffer; final(): Buffer }, body: Buffer): Buffer {
  return Buffer.concat([decipher.update(body), decipher.final()]);
}

test(`${FUZZ_RUNS} responses are trusted only if Node's crypto opens them to the same object`, () => {
  const seen = new Map<string, number>();
  const runs = fuzz({
    seed: 101,
    make: makeResponse,
    check: (input) => {
      const envelope = parseEnvelope(input.payload);
      const { cipher, topic } = input;
      const opened = envelope && openResponse({ crypto, cipher, key: KEY, topic, envelope });
      const type = opened?.type ?? "no response";
      seen.set(type, (seen.get(type) ?? 0) + 1);
      if (!opened || opened.type === "untrusted") return;
      const plain = reference(input);
      holds(plain !== undefined, "Node's crypto does not open it");
      same(opened.data, JSON.parse(plain ?? ""));
      holds(
        typeof opened.data === "object" && opened.data !== null && !Array.isArray(opened.data),
        "not an object",
      );
      const { status, code } = JSON.parse(decodeUTF8(input.payload) ?? "");
      same(opened.type === "success", String(status) === "1" && String(code).startsWith("2"));
      if (opened.type === "error") same(String(opened.code), String(code));
    },
  });
  for (const type of ["success", "error", "untrusted", "no response"]) {
    expect(seen.get(type) ?? 0).toBeGreaterThan(runs / 100);
  }
});
