import { describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { type Answer, base64, seal } from "../../host-tests/virtual/world/platform-answers.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import { encodeUTF8 } from "../bytes/index.js";
import type { JSONObject } from "../json/index.js";
import type { Cipher } from "../settings/index.js";
import { openResponse, parseEnvelope } from "./response.js";

const KEY = new Uint8Array(32).fill(7);
const TOPIC = "user/res/station-1/authorize";
const CIPHERS: readonly Cipher[] = ["aes-256-gcm", "aes-256-cbc"];
const ANSWER: Answer = { topic: TOPIC, id: "17", status: "1", code: "200", data: { authorized: true } };
const UNTRUSTED = { type: "untrusted" };

function sealed(answer: Answer, cipher: Cipher): Uint8Array {
  return seal(answer, { cipher, key: KEY, iv: new Uint8Array(cipher === "aes-256-gcm" ? 12 : 16).fill(1) });
}

/** Encrypts a response to `answer`, replaces `fields` of the message, and opens it. */
function open(
  cipher: Cipher,
  {
    answer = {},
    fields = {},
    topic = TOPIC,
  }: { answer?: Partial<Answer>; fields?: JSONObject; topic?: string },
) {
  const whole = { ...ANSWER, ...answer };
  const { id, status, code } = whole;
  const message: JSONObject = { id, status, code, data: base64(sealed(whole, cipher)), ...fields };
  const envelope = parseEnvelope(encodeUTF8(JSON.stringify(message)));
  if (!envelope) throw new Error("the message has no envelope");
  return openResponse({ crypto: virtualCrypto(new Random(1)), cipher, key: KEY, topic, envelope });
}

describe("parseEnvelope", () => {
  test.each([
    ["a text", "17", "17"],
    ["a number", 17, "17"],
    ["the maximum safe integer", Number.MAX_SAFE_INTEGER, "9007199254740991"],
  ])("returns the id from %s", (_name, id, expected) => {
    const envelope = parseEnvelope(encodeUTF8(JSON.stringify({ id, status: "1" })));
    expect(envelope).toEqual({ id: expected, fields: { id, status: "1" } });
  });

  test.each([
    ["an id beyond the precision of a double", '{"id":9007199254740993}'],
    ["a fraction as id", '{"id":1.5}'],
    ["an object as id", '{"id":{}}'],
    ["no id", '{"status":"1"}'],
    ["an array", "[1]"],
    ["no JSON", "{"],
  ])("refuses %s", (_name, text) => {
    expect(parseEnvelope(encodeUTF8(text))).toBeUndefined();
  });
});

describe.each(CIPHERS)("openResponse under %s", (cipher) => {
  test("opens a success", () => {
    expect(open(cipher, {})).toEqual({ type: "success", data: { authorized: true } });
  });

  test("opens a status and a code that are numbers", () => {
    const opened = open(cipher, { fields: { status: 1, code: 200 } });
    expect(opened).toEqual({ type: "success", data: { authorized: true } });
  });

  test.each([
    ["0", "403", 403],
    ["0", "200", 200],
    ["1", "500", 500],
    ["1", "120", 120],
  ])("opens status %s with code %s as an error", (status, code, number) => {
    expect(open(cipher, { answer: { status, code, data: { why: "x" } } })).toEqual({
      type: "error",
      code: number,
      data: { why: "x" },
    });
  });

  test.each(["100", "199", "299", "599"])("accepts the code %s", (code) => {
    expect(open(cipher, { answer: { code } }).type).not.toBe("untrusted");
  });

  test.each(["099", "600", "20", "2000", "12000", "2x0", "20x", "x200", "200 ", ""])(
    "refuses the code %j",
    (code) => {
      expect(open(cipher, { answer: { code } })).toEqual(UNTRUSTED);
    },
  );

  test.each(["2", "", "01", "true"])("refuses the status %j", (status) => {
    expect(open(cipher, { answer: { status } })).toEqual(UNTRUSTED);
  });

  test.each(["id", "status", "code", "data"])("refuses a response whose %s is an object", (field) => {
    if (field === "id") expect(parseEnvelope(encodeUTF8('{"id":{}}'))).toBeUndefined();
    else expect(open(cipher, { fields: { [field]: {} } })).toEqual(UNTRUSTED);
  });

  test("refuses data that are missing, not base64, or longer than 65,536 characters", () => {
    expect(open(cipher, { fields: { data: "no base64!" } })).toEqual(UNTRUSTED);
    expect(open(cipher, { fields: { data: "" } })).toEqual(UNTRUSTED);
    expect(open(cipher, { answer: { data: { text: "x".repeat(49_200) } } })).toEqual(UNTRUSTED);
    expect(open(cipher, { answer: { data: { text: "x".repeat(48_000) } } }).type).toBe("success");
  });

  test("refuses data without a JSON object inside", () => {
    for (const data of [[1], "text", 5, null]) expect(open(cipher, { answer: { data } })).toEqual(UNTRUSTED);
  });

  test("refuses truncated data of any length", () => {
    const bytes = sealed(ANSWER, cipher);
    for (let length = 0; length < bytes.length; length++) {
      expect(open(cipher, { fields: { data: base64(bytes.subarray(0, length)) } })).toEqual(UNTRUSTED);
    }
  });

  test("opens nothing under another key", () => {
    const envelope = parseEnvelope(
      encodeUTF8(
        JSON.stringify({ id: "17", status: "1", code: "200", data: base64(sealed(ANSWER, cipher)) }),
      ),
    );
    if (!envelope) throw new Error("the message has no envelope");
    const key = new Uint8Array(32).fill(8);
    const crypto = virtualCrypto(new Random(1));
    expect(openResponse({ crypto, cipher, key, topic: TOPIC, envelope })).toEqual(UNTRUSTED);
  });
});

describe("openResponse under aes-256-gcm", () => {
  test.each<[string, Parameters<typeof open>[1]]>([
    ["topic", { topic: "user/res/station-2/authorize" }],
    ["id", { fields: { id: "18" } }],
    ["status", { answer: { status: "0" }, fields: { status: "1" } }],
    ["code", { answer: { code: "403" }, fields: { code: "200" } }],
  ])("refuses a response with a modified %s", (_name, change) => {
    expect(open("aes-256-gcm", change)).toEqual(UNTRUSTED);
  });
});

describe("openResponse and the board's cryptography", () => {
  /** A board whose cryptography accepts any input. */
  function openedBytes(cipher: Cipher, byteLength: number): number {
    let calls = 0;
    const open = () => {
      calls++;
      return encodeUTF8("{}").buffer;
    };
    const crypto = { ...virtualCrypto(new Random(1)), openGCM: open, decryptCBC: open };
    const data = base64(new Uint8Array(byteLength));
    const envelope = { id: "17", fields: { status: "1", code: "200", data } };
    openResponse({ crypto, cipher, key: KEY, topic: TOPIC, envelope });
    return calls;
  }

  test.each<[Cipher, number, number]>([
    ["aes-256-gcm", 27, 0],
    ["aes-256-gcm", 28, 1],
    ["aes-256-gcm", 29, 1],
    ["aes-256-cbc", 16, 0],
    ["aes-256-cbc", 31, 0],
    ["aes-256-cbc", 32, 1],
    ["aes-256-cbc", 33, 0],
    ["aes-256-cbc", 48, 1],
  ])("%s: data of %d bytes are decrypted %d times", (cipher, byteLength, calls) => {
    expect(openedBytes(cipher, byteLength)).toBe(calls);
  });
});
