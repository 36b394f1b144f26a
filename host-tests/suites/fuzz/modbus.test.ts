/** Fuzzes the Modbus line of a meter, against a parser of the whole text. */

import { jest, test } from "@jest/globals";
import { concatBytes } from "../../../modules/bytes/index.js";
import {
  encodeRequest,
  type ModbusResponse,
  type ReadRequest,
  ResponseReader,
} from "../../../modules/modbus/index.js";
import { fuzz, inPieces, mutated } from "../../virtual/world/fuzz.js";
import { crcOf } from "../../virtual/world/modbus-meter.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { holds, same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;

jest.setTimeout(HOUR_MS);

function framed(...bytes: readonly number[]): Bytes {
  const crc = crcOf(Uint8Array.from(bytes));
  return Uint8Array.from([...bytes, crc & 0xff, crc >> 8]);
}

function answerTo({ address, functionCode, count }: ReadRequest, random: Random): Bytes {
  return framed(address, functionCode, 2 * count, ...random.bytes(2 * count));
}

/** The response that ends first in a whole text. */
function parsed(text: Bytes, { address, functionCode, count }: ReadRequest): ModbusResponse | undefined {
  const lengths = [5 + 2 * count, 5];
  for (let end = 1; end <= text.length; end++) {
    for (const length of lengths) {
      const frame = text.slice(Math.max(0, end - length), end);
      if (frame.length < length || frame[0] !== address) continue;
      const body = frame.slice(0, -2);
      if (crcOf(body) !== (frame.at(-2) ?? 0) + 256 * (frame.at(-1) ?? 0)) continue;
      if (length !== 5 && frame[1] === functionCode && frame[2] === 2 * count)
        return { type: "registers", bytes: body.slice(3) };
      if (length === 5 && frame[1] === (functionCode | 0x80))
        return { type: "exception", code: frame[2] ?? 0 };
    }
  }
  return undefined;
}

function noise(random: Random, request: ReadRequest): Bytes {
  const frames = [
    () => random.bytes(random.int(30)),
    () => encodeRequest(request),
    () => mutated(random, answerTo(request, random), ["\x01\x04"]),
    () => answerTo({ ...request, count: 1 + random.int(16) }, random),
    () => framed(request.address, request.functionCode | 0x80, random.int(12)),
    () => answerTo({ ...request, address: 1 + random.int(3) }, random),
  ];
  return concatBytes(...Array.from({ length: random.int(4) }, () => random.pick(frames)()));
}

test(`${FUZZ_RUNS} texts on a Modbus line give the first whole response, in any pieces`, () => {
  let good = 0;
  const runs = fuzz({
    seed: 63,
    make: (random) => {
      const request: ReadRequest = {
        address: 1 + random.int(3),
        functionCode: random.bool() ? 3 : 4,
        register: random.int(200),
        count: 1 + random.int(16),
      };
      return { request, text: concatBytes(noise(random, request), answerTo(request, random)) };
    },
    check: ({ request, text }, random) => {
      const reader = new ResponseReader(request);
      let found: ModbusResponse | undefined;
      for (const piece of inPieces(random, text)) found ??= reader.receive(piece);
      same(found, parsed(text, request));
      // The response at the end is read after any noise.
      holds(found !== undefined, "the last frame of the text was not read");
      if (found?.type === "registers") good++;
    },
  });
  holds(good > runs / 3, "most texts must have registers");
});
