import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { VirtualPN532 } from "../../host-tests/virtual/world/pn532.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import { SerialDevice } from "../../host-tests/virtual/world/wiring.js";
import type { Board, Bytes, IO, SerialOptions } from "../board/index.js";
import { asUint8Array, concatBytes, encodeHex } from "../bytes/index.js";
import { openCardReader } from "./index.js";

/** UIDs of each length. */
const SINGLE = { uid: [0xde, 0xad, 0x0b, 0xe5] };
const DOUBLE = { uid: [0x04, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6] };
const TRIPLE = { uid: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] };
const POLL_MS = 300;
const SWIPE_MS = 3300;

class Bench {
  readonly clock = new VirtualClock();
  readonly line = new SerialDevice({ baud: 115_200 });
  readonly pn532 = new VirtualPN532({ line: this.line, clock: this.clock });
  readonly cards: string[] = [];
  readonly log: string[] = [];
  /** Frames that the driver has written, hex. */
  readonly written: string[] = [];
  readonly reader: IO | undefined;
  /** The engine is busy: it receives bytes later. */
  isBusy = false;
  #waiting: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #onReadable: ((count: number) => void) | undefined;

  constructor() {
    const bench = this;
    class Line {
      constructor({ baud, onReadable }: SerialOptions) {
        expect(baud).toBe(bench.line.baud);
        bench.#onReadable = onReadable;
      }
      read(): ArrayBuffer | undefined {
        const bytes = bench.#waiting;
        bench.#waiting = new Uint8Array(0);
        return bytes.length > 0 ? bytes.buffer : undefined;
      }
      write(bytes: Bytes): void {
        bench.written.push(encodeHex(bytes));
        bench.line.receive(asUint8Array(bytes));
      }
      close(): void {
        bench.#onReadable = undefined;
      }
    }
    this.line.watch((bytes) => this.receive(bytes));
    const { clock } = this;
    const pins = { cardReader: 1, cardReaderTransmit: 2 };
    const board = { clock, pins, io: { Serial: Line }, log: (line: string) => this.log.push(line) };
    this.reader = openCardReader({ board: board as unknown as Board, kind: "pn532", listener: this });
  }

  receive(bytes: Uint8Array<ArrayBuffer>): void {
    this.#waiting = concatBytes(this.#waiting, bytes);
    if (!this.isBusy) this.#onReadable?.(this.#waiting.length);
  }

  handleCard(tag: string): void {
    this.cards.push(tag);
  }

  handleRandomCard(): void {
    this.cards.push("random");
  }

  handleReaderSilent(): void {
    this.cards.push("silent");
  }

  /** Sends the response of a poll with this content. */
  answer(...content: number[]): void {
    const sum = content.reduce((total, byte) => total + byte, 0);
    this.receive(Uint8Array.of(0, 0, 0xff, 0, 0xff, 0));
    this.receive(Uint8Array.of(0, 0, 0xff, content.length, -content.length & 255, ...content, -sum & 255, 0));
  }
}

/** A bench with a PN532 that was set up. */
function polling(): Bench {
  const bench = new Bench();
  bench.clock.advance(POLL_MS);
  return bench;
}

describe("CardReader with a PN532", () => {
  test("wakes the PN532 up, sets it up, and polls it", () => {
    const { written, clock } = new Bench();
    clock.advance(1000);
    const wakeUp = `5555${"00".repeat(22)}0000ff00ff00`;
    expect(written.slice(0, 4)).toEqual([
      `${wakeUp}0000ff05fbd4140114010200`,
      "0000ff03fdd412041600",
      "0000ff06fad43205ff0101f400",
      "0000ff04fcd44a0100e100",
    ]);
    expect(new Set(written.slice(4))).toEqual(new Set(["0000ff04fcd44a0100e100"]));
    expect(written.length).toBeGreaterThan(5);
  });

  test.each([
    ["4", SINGLE, "DEAD0BE5"],
    ["7", DOUBLE, "04A1B2C3D4E5F6"],
    ["10", TRIPLE, "0102030405060708090A"],
  ])("reports a UID of %s bytes as upper-case hex in the order of transmission", (_bytes, card, tag) => {
    const { pn532, clock, cards } = polling();
    pn532.tap(card);
    clock.advance(1000);
    expect(cards).toEqual([tag]);
  });

  test("reports a card that stays once, and again 3 s after it was removed", () => {
    const { pn532, clock, cards } = polling();
    for (const card of [DOUBLE, { ...DOUBLE, isPart4: true }]) {
      cards.length = 0;
      pn532.place(card);
      clock.advance(60_000);
      expect(cards).toEqual(["04A1B2C3D4E5F6"]);
      pn532.remove();
      clock.advance(SWIPE_MS);
      pn532.tap(card);
      clock.advance(SWIPE_MS);
      expect(cards).toEqual(["04A1B2C3D4E5F6", "04A1B2C3D4E5F6"]);
      clock.advance(SWIPE_MS);
    }
  });

  test("reports a random UID without its number, once per swipe", () => {
    const { pn532, clock, cards } = polling();
    pn532.tap({ uid: [0x08, 1, 2, 3], isPart4: true });
    clock.advance(1000);
    pn532.tap({ uid: [0x08, 4, 5, 6], isPart4: true });
    clock.advance(2 * SWIPE_MS);
    expect(cards).toEqual(["random"]);
    pn532.tap({ uid: [0x08, 1, 2, 3], isPart4: true });
    clock.advance(1000);
    expect(cards).toEqual(["random", "random"]);
  });

  test("reports a UID of 7 bytes that starts with 08 as a card", () => {
    const { pn532, clock, cards } = polling();
    pn532.tap({ uid: [0x08, 1, 2, 3, 4, 5, 6] });
    clock.advance(1000);
    expect(cards).toEqual(["08010203040506"]);
  });

  test("reads cards again after a reset of the PN532", () => {
    const { pn532, clock, cards } = polling();
    pn532.reset();
    clock.advance(2000);
    pn532.tap(SINGLE);
    clock.advance(1000);
    expect(cards).toEqual(["DEAD0BE5"]);
  });

  test("reports a silent PN532 after 10 s once, and logs when it responds again", () => {
    const { pn532, clock, cards, log } = polling();
    pn532.responds = false;
    clock.advance(9000);
    expect(cards).toEqual([]);
    clock.advance(600_000);
    expect(cards).toEqual(["silent"]);
    pn532.responds = true;
    clock.advance(3000);
    expect(log).toEqual(["rfid: the card reader responds again"]);
    pn532.tap(SINGLE);
    clock.advance(1000);
    expect(cards).toEqual(["silent", "DEAD0BE5"]);
  });

  test("reports a PN532 that falls silent again and again once an hour", () => {
    const { pn532, clock, cards } = polling();
    for (let i = 0; i < 5; i++) {
      for (const responds of [false, true]) {
        pn532.responds = responds;
        clock.advance(10 * 60_000);
      }
    }
    expect(cards).toEqual(["silent", "silent"]);
  });

  test("reports a PN532 that has never responded", () => {
    const { pn532, clock, cards } = new Bench();
    pn532.responds = false;
    clock.advance(12_000);
    expect(cards).toEqual(["silent"]);
  });

  test("sends few commands to a silent PN532", () => {
    const { pn532, clock, written } = polling();
    pn532.responds = false;
    clock.advance(20_000);
    written.length = 0;
    clock.advance(60_000);
    expect(written.length).toBeLessThan(30);
  });

  test("drops a response that is late, also when it belongs to another command", () => {
    const { pn532, clock, cards } = polling();
    pn532.delayMs = 700;
    clock.advance(POLL_MS);
    pn532.place(SINGLE);
    clock.advance(5000);
    expect(cards).toEqual([]);
    pn532.delayMs = 0;
    clock.advance(2000);
    expect(cards).toEqual(["DEAD0BE5"]);
  });

  test("accepts a response that arrived in time while the engine was busy", () => {
    const bench = polling();
    const { pn532, clock, cards } = bench;
    pn532.place(DOUBLE);
    bench.isBusy = true;
    clock.advance(20_000);
    bench.isBusy = false;
    clock.advance(600);
    expect(cards).toEqual(["04A1B2C3D4E5F6"]);
  });

  test("reads cards on a noisy line, and only those", () => {
    const bench = polling();
    const { pn532, clock, cards } = bench;
    const random = new Random(5);
    for (let i = 0; i < 200; i++) {
      if (i % 20 === 0) pn532.tap(SINGLE, 2000);
      if (random.bool(0.3)) bench.receive(random.bytes(random.int(40)));
      if (random.bool(0.1)) bench.receive(Uint8Array.of(0, 0xff, 0x40, 0xc0));
      if (random.bool(0.05)) pn532.reset();
      clock.advance(random.int(700));
    }
    expect(new Set(cards)).toEqual(new Set(["DEAD0BE5"]));
    expect(cards.length).toBeGreaterThan(5);
  });

  test.each<[string, number[]]>([
    ["two targets", [0xd5, 0x4b, 2, 1, 0, 4, 8, 4, 1, 2, 3, 4]],
    ["a UID of 5 bytes", [0xd5, 0x4b, 1, 1, 0, 4, 8, 5, 1, 2, 3, 4, 5]],
    ["a truncated UID", [0xd5, 0x4b, 1, 1, 0, 4, 8, 7, 1, 2, 3, 4, 5, 6]],
    ["no target", [0xd5, 0x4b, 0]],
    ["no content", [0xd5, 0x4b]],
    ["the response to another command", [0xd5, 0x15, 1, 1, 0, 4, 8, 4, 1, 2, 3, 4]],
    ["an error frame", [0x7f]],
    ["a command", [0xd4, 0x4b, 1, 1, 0, 4, 8, 4, 1, 2, 3, 4]],
  ])("takes no card from a response with %s", (_what, content) => {
    const bench = polling();
    bench.pn532.responds = false;
    const polls = bench.written.length;
    while (bench.written.length === polls) bench.clock.advance(10);
    bench.answer(...content);
    expect(bench.cards).toEqual([]);
    bench.pn532.responds = true;
    bench.pn532.tap(SINGLE, 3000);
    bench.clock.advance(3000);
    expect(bench.cards).toEqual(["DEAD0BE5"]);
  });

  test("accepts no response without the ACK of its command", () => {
    const bench = polling();
    bench.pn532.responds = false;
    const polls = bench.written.length;
    while (bench.written.length === polls) bench.clock.advance(10);
    const content = [0xd5, 0x4b, 1, 1, 0, 4, 8, 4, 1, 2, 3, 4];
    const sum = content.reduce((total, byte) => total + byte, 0);
    bench.receive(Uint8Array.of(0, 0, 0xff, 12, 0xf4, ...content, -sum & 255, 0));
    expect(bench.cards).toEqual([]);
    bench.answer(...content);
    expect(bench.cards).toEqual(["01020304"]);
  });

  test("calls nothing after close", () => {
    const bench = polling();
    bench.pn532.place(SINGLE);
    bench.reader?.close();
    bench.written.length = 0;
    bench.clock.advance(60_000);
    expect(bench.cards).toEqual([]);
    expect(bench.written).toEqual([]);
  });

  test("opens no line without a pin to transmit, and logs that", () => {
    const log: string[] = [];
    const board = {
      clock: new VirtualClock(),
      pins: { cardReader: 1 },
      io: {},
      log: (line: string) => log.push(line),
    } as unknown as Board;
    const listener = { handleCard: () => {}, handleRandomCard: () => {}, handleReaderSilent: () => {} };
    openCardReader({ board, kind: "pn532", listener })?.close();
    expect(log).toEqual(["rfid: a PN532 needs cardReaderTransmitPin in the wiring"]);
  });
});
