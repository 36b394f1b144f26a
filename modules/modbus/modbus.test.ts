import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Board, SerialOptions } from "../board/index.js";
import { concatBytes, decodeHex, encodeHex } from "../bytes/index.js";
import { crc16, encodeRequest, ModbusClient, type ReadOutcome, ResponseReader } from "./index.js";

const REQUEST = { address: 1, functionCode: 4, register: 0, count: 2 } as const;
const OTHER = { ...REQUEST, register: 0x34 };
/** 230.2 V in a response of an Eastron meter. */
const ANSWER = framed("0104044366 3333");
const EXCEPTION = framed("018402");

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeHex(hex.replaceAll(" ", ""));
  if (!bytes) throw new Error(`${hex} is no hex`);
  return bytes;
}

/** Returns a frame with its CRC. */
function framed(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(hex);
  const crc = crc16(bytes, 0, bytes.length);
  return concatBytes(bytes, Uint8Array.of(crc & 0xff, crc >> 8));
}

describe("crc16", () => {
  test("is that of the examples of the specification and of Eastron's document", () => {
    expect(crc16(bytesOf("0207"), 0, 2)).toBe(0x1241);
    expect(encodeHex(encodeRequest(REQUEST))).toBe("01040000000271cb");
    expect(encodeHex(encodeRequest({ address: 17, functionCode: 3, register: 0x6b, count: 3 }))).toBe(
      "1103006b00037687",
    );
  });
});

describe("ResponseReader", () => {
  test("reads registers and exceptions", () => {
    expect(new ResponseReader(REQUEST).receive(ANSWER)).toEqual({
      type: "registers",
      bytes: bytesOf("43663333"),
    });
    expect(new ResponseReader(REQUEST).receive(EXCEPTION)).toEqual({ type: "exception", code: 2 });
  });

  test("reads a response in single bytes, after noise and the echo of the request", () => {
    const reader = new ResponseReader(REQUEST);
    const bytes = concatBytes(bytesOf("00ff01"), encodeRequest(REQUEST), ANSWER);
    const responses = [...bytes].map((byte) => reader.receive(Uint8Array.of(byte)));
    expect(responses.findIndex((one) => one !== undefined)).toBe(bytes.length - 1);
    expect(responses.at(-1)?.type).toBe("registers");
  });

  test.each([
    ["a wrong CRC", bytesOf("0104044366333300ff")],
    ["another address", framed("02040443663333")],
    ["another function", framed("01030443663333")],
    ["another length", framed("0104024366")],
  ])("ignores a response with %s", (_what, bytes) => {
    expect(new ResponseReader(REQUEST).receive(bytes)).toBeUndefined();
  });
});

/** A client, and a line that records what it sends. */
function connected() {
  const clock = new VirtualClock();
  const sent: { readonly atMs: number; readonly hex: string }[] = [];
  let waiting: Uint8Array<ArrayBuffer> | undefined;
  let options: SerialOptions | undefined;
  class Line {
    constructor(given: SerialOptions) {
      options = given;
    }
    read(): ArrayBuffer | undefined {
      const bytes = waiting;
      waiting = undefined;
      return bytes?.slice().buffer;
    }
    write(bytes: Uint8Array<ArrayBuffer>): void {
      sent.push({ atMs: clock.monotonicMs(), hex: encodeHex(bytes) });
    }
    close(): void {}
  }
  const board = { clock, io: { Serial: Line } } as unknown as Board;
  const client = new ModbusClient({ board, line: { receive: 1, transmit: 2 }, baud: 9600 });
  const outcomes: ReadOutcome[] = [];
  return {
    clock,
    client,
    sent,
    outcomes,
    read: (request = REQUEST as typeof OTHER) => client.read(request, (outcome) => outcomes.push(outcome)),
    answer: (bytes: Uint8Array<ArrayBuffer>) => {
      waiting = waiting ? concatBytes(waiting, bytes) : bytes;
      options?.onReadable?.(waiting.length);
    },
  };
}

describe("ModbusClient", () => {
  test("keeps a silence of 3.5 characters before each request", () => {
    const { clock, read, answer, sent } = connected();
    read();
    clock.advance(20);
    expect(sent).toMatchObject([{ atMs: 5 }]);
    answer(ANSWER);
    read();
    clock.advance(20);
    expect(sent).toMatchObject([{ atMs: 5 }, { atMs: 25 }]);
  });

  test("returns the registers, or the exception without a second attempt", () => {
    const { clock, read, answer, outcomes, sent } = connected();
    read();
    clock.advance(50);
    answer(ANSWER);
    read();
    clock.advance(50);
    answer(EXCEPTION);
    clock.advance(10_000);
    expect(outcomes).toEqual([
      { ok: true, bytes: bytesOf("43663333") },
      { ok: false, failure: { code: "exception", message: "the device answers with exception 2" } },
    ]);
    expect(sent).toHaveLength(2);
  });

  test("repeats a request twice, and fails after about 1.6 s", () => {
    const { clock, read, outcomes, sent } = connected();
    read();
    clock.runUntil(() => outcomes.length > 0, 10_000);
    expect(clock.monotonicMs()).toBeGreaterThan(1500);
    expect(clock.monotonicMs()).toBeLessThan(1700);
    expect(sent).toHaveLength(3);
    expect(outcomes).toMatchObject([{ ok: false, failure: { code: "no-answer" } }]);
  });

  test("does not take a late response for that of another request", () => {
    const { clock, read, answer, outcomes } = connected();
    read();
    clock.runUntil(() => outcomes.length > 0, 10_000);
    read(OTHER);
    clock.advance(500);
    answer(ANSWER);
    clock.advance(600);
    expect(outcomes).toHaveLength(1);
    const right = framed("01040400000001");
    answer(right);
    expect(outcomes.at(-1)).toEqual({ ok: true, bytes: bytesOf("00000001") });
  });

  test("takes a late response to the request that it repeats", () => {
    const { clock, read, answer, outcomes } = connected();
    read();
    clock.advance(700);
    answer(ANSWER);
    expect(outcomes).toMatchObject([{ ok: true }]);
  });

  test("throws on a second request while one is under way", () => {
    const { read } = connected();
    read();
    expect(() => read(OTHER)).toThrow("under way");
  });

  test("calls back no more after it was closed", () => {
    const { clock, client, read, answer, outcomes } = connected();
    read();
    clock.advance(50);
    client.close();
    answer(ANSWER);
    clock.advance(10_000);
    expect(outcomes).toEqual([]);
  });
});
