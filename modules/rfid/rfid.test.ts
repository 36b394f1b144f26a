import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import type { Board } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { type CardReaderListener, openCardReader, type ReaderKind } from "./index.js";

function reading(kind: ReaderKind) {
  const clock = new VirtualClock();
  const cards: string[] = [];
  let waiting: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let onReadable: ((count: number) => void) | undefined;
  class Line {
    constructor(options: { onReadable?(count: number): void }) {
      onReadable = options.onReadable;
    }
    read(): ArrayBuffer {
      return waiting.slice().buffer;
    }
    close(): void {}
  }
  const log: string[] = [];
  const board = {
    clock,
    pins: { cardReader: 1 },
    io: { Serial: Line },
    log: (line: string) => log.push(line),
  };
  const reader = openCardReader({
    board: board as unknown as Board,
    kind,
    listener: { ...NO_LISTENER, handleCard: (tag) => cards.push(tag) },
  });
  const send = (bytes: Uint8Array<ArrayBuffer> | string) => {
    waiting = typeof bytes === "string" ? encodeUTF8(bytes) : bytes;
    onReadable?.(waiting.length);
  };
  return { clock, cards, log, send, reader };
}

const NO_LISTENER: CardReaderListener = {
  handleCard: () => {},
  handleRandomCard: () => {},
  handleReaderSilent: () => {},
};

/** Example of the RDM6300 data sheet: 62 ^ E3 ^ 08 ^ 6C ^ ED = 08. */
const FRAME = "\x0262E3086CED08\x03";

describe("CardReader of EM4100 cards", () => {
  test("reports the ten digits of a frame with a correct checksum", () => {
    const { cards, send } = reading("em4100");
    send(FRAME);
    expect(cards).toEqual(["62E3086CED"]);
  });

  test("reads a frame byte by byte", () => {
    const { cards, send } = reading("em4100");
    for (const char of FRAME) send(char);
    expect(cards).toEqual(["62E3086CED"]);
  });

  test.each([
    ["a wrong checksum", "\x0262E3086CED09\x03"],
    ["a digit too few", "\x0262E3086CE08\x03"],
    ["a digit too many", "\x0262E3086CED080\x03"],
    ["a character that is not a digit", "\x0262E3086CEG08\x03"],
    ["a frame without a start", "62E3086CED08\x03"],
    ["a lone end", "\x03"],
  ])("drops %s and reads the next frame", (_name, bytes) => {
    const { cards, send } = reading("em4100");
    send(bytes);
    expect(cards).toEqual([]);
    send(FRAME);
    expect(cards).toEqual(["62E3086CED"]);
  });

  test("reads a frame of an ID-12LA, with CR and LF before its end", () => {
    const { cards, log, send } = reading("em4100");
    send("\x0262E3086CED08\r\n\x03");
    send("\x0204A1B2C3D4\r\n\x03\r\n\x0204a1b2c3d400\r\n\x03");
    expect(cards).toEqual(["62E3086CED", "04A1B2C3D4"]);
    expect(log).toHaveLength(1);
  });

  test("logs once that it does not understand the reader, without the bytes", () => {
    const { cards, log, send } = reading("em4100");
    for (let i = 0; i < 5; i++) send("CARD-NUMBER-12345\r\n");
    expect(cards).toEqual([]);
    expect(log).toEqual([
      "rfid: the reader sends data that is not of the kind em4100; check cardReaderKind and the line",
    ]);
  });

  test("logs nothing about bytes around frames", () => {
    const { cards, log, send } = reading("em4100");
    for (let i = 0; i < 5; i++) send(`\r\n\0${FRAME}\r\n`);
    expect(cards).toEqual(["62E3086CED"]);
    expect(log).toEqual([]);
  });

  test("reads the frame after a truncated one", () => {
    const { cards, send } = reading("em4100");
    send("\x0262E30");
    send(FRAME);
    expect(cards).toEqual(["62E3086CED"]);
  });

  test("reports only valid tags from noise", () => {
    const { cards, send } = reading("em4100");
    const random = new Random(77);
    for (let i = 0; i < FUZZ_RUNS / 10; i++) send(random.bytes(random.int(40)));
    for (const card of cards) expect(card).toMatch(/^[0-9A-F]{10}$/);
    send(FRAME);
    expect(cards.at(-1)).toBe("62E3086CED");
  });
});

describe("CardReader of lines", () => {
  test("reports each line ended by CR, LF or both", () => {
    const { cards, send } = reading("lines");
    send(" CARD-1 \r\nCARD-2\n\r\rCARD-3");
    expect(cards).toEqual(["CARD-1", "CARD-2"]);
    send("\r");
    expect(cards).toEqual(["CARD-1", "CARD-2", "CARD-3"]);
  });

  test.each([
    ["spaces between the bytes", "04 A1 B2 C3\r\n", "04A1B2C3"],
    ["spaces and lower-case digits", "04 a1 b2 c3 d4 e5 f6\n", "04A1B2C3D4E5F6"],
    ["STX and ETX around it", "\x0204A1B2C3\x03", "04A1B2C3"],
    ["CR and LF before ETX", "\x02CARD-1\r\n\x03", "CARD-1"],
    ["lower-case digits without spaces", "04a1b2c3\n", "04a1b2c3"],
    ["words between spaces", "CARD 1\n", "CARD 1"],
  ])("reads a line with %s", (_what, line, tag) => {
    const { cards, log, send } = reading("lines");
    send(line);
    expect(cards).toEqual([tag]);
    expect(log).toEqual([]);
  });

  test("logs once that it does not understand the reader, without the bytes", () => {
    const { cards, log, send } = reading("lines");
    for (let i = 0; i < 5; i++) send(Uint8Array.of(0x80, 0x41, 0x42, 10));
    send(`${"x".repeat(65)}\n`);
    expect(cards).toEqual([]);
    expect(log).toEqual([
      "rfid: the reader sends data that is not of the kind lines; check cardReaderKind and the line",
    ]);
  });

  test("drops a line that is too long", () => {
    const { cards, send } = reading("lines");
    send(`${"x".repeat(65)}\n${"y".repeat(64)}\n`);
    expect(cards).toEqual(["y".repeat(64)]);
  });
});

describe("CardReader", () => {
  test("reports a card that stays at the reader once, and again 3 s after it was removed", () => {
    const { clock, cards, send } = reading("lines");
    for (let i = 0; i < 5; i++) {
      send("CARD-1\n");
      clock.advance(2000);
    }
    expect(cards).toEqual(["CARD-1"]);
    clock.advance(1000);
    send("CARD-1\n");
    expect(cards).toEqual(["CARD-1", "CARD-1"]);
  });

  test("reports a card at once after another one, and each of four cards in a wallet once", () => {
    const { clock, cards, send } = reading("lines");
    for (let i = 0; i < 5; i++) {
      send("CARD-1\nCARD-2\nCARD-3\nCARD-4\n");
      clock.advance(2000);
    }
    expect(cards).toEqual(["CARD-1", "CARD-2", "CARD-3", "CARD-4"]);
  });
});

test("a board without a pin for it has no card reader", () => {
  const board = { clock: new VirtualClock(), pins: {}, io: {} } as unknown as Board;
  expect(openCardReader({ board, kind: "lines", listener: NO_LISTENER })).toBeUndefined();
});
