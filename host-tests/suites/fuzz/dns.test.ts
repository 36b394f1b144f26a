/** Fuzzes the captive portal's answers to DNS queries, against a reader of DNS messages. */

import { expect, jest, test } from "@jest/globals";
import { dnsAnswer } from "../../../firmware/boards/esp32/dns-answer.js";
import { concatBytes } from "../../../modules/bytes/index.js";
import { fuzz, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
const ADDRESS = [192, 168, 4, 1];
const HEADER_BYTES = 12;
const ANSWER_BYTES = 16;

jest.setTimeout(HOUR_MS);

/** A query with one question, and sometimes an additional record (EDNS). */
function makeQuery(random: Random): Bytes {
  const labels = Array.from({ length: random.int(5) }, () => {
    const label = random.bytes(1 + random.int(random.pick([3, 10, 63])));
    return concatBytes(Uint8Array.of(label.length), label);
  });
  const type = random.pick([1, 1, 28, 65, 255]);
  const header = Uint8Array.of(random.int(256), random.int(256), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0);
  const edns = random.bool(0.3) ? Uint8Array.of(0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0) : new Uint8Array(0);
  const query = concatBytes(header, ...labels, Uint8Array.of(0, 0, type, 0, random.pick([1, 1, 3])), edns);
  return random.bool(0.3) ? query : mutated(random, query);
}

/** Length of the first question; `undefined` if the message ends before. A pointer has no place in a question. */
function questionBytes(message: Buffer): number | undefined {
  let at = HEADER_BYTES;
  while (at < message.length && message.readUInt8(at) !== 0) {
    if (message.readUInt8(at) > 63) return undefined;
    at += 1 + message.readUInt8(at);
  }
  return at + 5 <= message.length ? at + 5 - HEADER_BYTES : undefined;
}

test(`${FUZZ_RUNS} queries are answered with their question and at most one address, or not at all`, () => {
  let answered = 0;
  const runs = fuzz({
    seed: 71,
    make: makeQuery,
    check: (query) => {
      const sent = Buffer.from(query);
      const answer = dnsAnswer(query, ADDRESS);
      same(Buffer.from(query).equals(sent), true);
      const length = questionBytes(sent);
      const isQuery =
        sent.length >= HEADER_BYTES && (sent.readUInt8(2) & 0xf8) === 0 && sent.readUInt16BE(4) === 1;
      same(answer !== undefined, isQuery && length !== undefined);
      if (!answer || length === undefined) return;
      answered++;
      const message = Buffer.from(answer);
      const end = HEADER_BYTES + length;
      const isForAddress = sent.readUInt32BE(end - 4) === 0x0001_0001;
      same(message.readUInt16BE(0), sent.readUInt16BE(0));
      same(message.readUInt8(2) & 0xf9, 0x80 | (sent.readUInt8(2) & 1));
      same(message.readUInt8(3) & 0x0f, 0);
      same(
        [4, 6, 8, 10].map((at) => message.readUInt16BE(at)),
        [1, isForAddress ? 1 : 0, 0, 0],
      );
      same(message.subarray(HEADER_BYTES, end).equals(sent.subarray(HEADER_BYTES, end)), true);
      same(message.length, end + (isForAddress ? ANSWER_BYTES : 0));
      if (isForAddress) same([...message.subarray(-4)], ADDRESS);
    },
  });
  expect(answered).toBeGreaterThan(runs / 10);
});
