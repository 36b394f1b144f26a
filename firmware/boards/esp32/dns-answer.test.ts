import { describe, expect, test } from "@jest/globals";
import { Random } from "../../../host-tests/virtual/world/random.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { dnsAnswer } from "./dns-answer.js";

const ADDRESS = [192, 168, 4, 1];
const NAME = concatBytes(
  Uint8Array.of(7),
  encodeUTF8("example"),
  Uint8Array.of(3),
  encodeUTF8("com"),
  Uint8Array.of(0),
);
/** RFC 6891 6.1.1: the root, OPT, 1232 bytes of UDP, no flags, no options. */
const OPT = Uint8Array.of(0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0);

/** A query with recursion desired, as phones send it. */
function query({ type = 1, flags = 0x01, questions = 1, additional = new Uint8Array(0) } = {}) {
  const additionals = additional.length > 0 ? 1 : 0;
  return concatBytes(
    Uint8Array.of(0xab, 0xcd, flags, 0, 0, questions, 0, 0, 0, 0, 0, additionals),
    NAME,
    Uint8Array.of(0, type, 0, 1),
    additional,
  );
}

const ANSWERED = concatBytes(
  Uint8Array.of(0xab, 0xcd, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0),
  NAME,
  Uint8Array.of(0, 1, 0, 1),
  Uint8Array.of(0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...ADDRESS),
);

describe("dnsAnswer", () => {
  test("returns the station's address for an A query", () => {
    expect(dnsAnswer(query(), ADDRESS)).toEqual(ANSWERED);
  });

  test("returns a response without EDNS to a query with EDNS", () => {
    expect(dnsAnswer(query({ additional: OPT }), ADDRESS)).toEqual(ANSWERED);
  });

  test.each([
    ["AAAA", 28],
    ["HTTPS", 65],
  ])("returns an empty response to a query of type %s", (_name, type) => {
    expect(dnsAnswer(query({ type }), ADDRESS)).toEqual(
      concatBytes(
        Uint8Array.of(0xab, 0xcd, 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0),
        NAME,
        Uint8Array.of(0, type, 0, 1),
      ),
    );
  });

  test.each([
    ["a response", query({ flags: 0x81 })],
    ["another operation", query({ flags: 0x28 })],
    ["no question", query({ questions: 0 })],
    ["two questions", query({ questions: 2 })],
    ["a name that points elsewhere", query().fill(0xc0, 12, 13)],
  ])("returns no response to %s", (_name, bytes) => {
    expect(dnsAnswer(bytes, ADDRESS)).toBeUndefined();
  });

  test("returns no response to a truncated query", () => {
    const whole = query();
    for (let length = 0; length < whole.length; length++) {
      expect(dnsAnswer(whole.slice(0, length), ADDRESS)).toBeUndefined();
    }
  });

  test("never throws, whichever bytes it receives", () => {
    const random = new Random(1035);
    for (let round = 0; round < 2000; round++) {
      const bytes = random.bytes(random.int(80));
      expect(() => dnsAnswer(bytes, ADDRESS)).not.toThrow();
    }
  });
});
