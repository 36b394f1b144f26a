import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import type { Board } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { CardReader, type ReaderKind } from "./index.js";

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
  const board = { clock, pins: { cardReader: 1 }, io: { Serial: Line } } as unknown as Board;
  const reader = new CardReader({ board, kind, onCard: (tag) => cards.push(tag) });
  const send = (bytes: Uint8Array<ArrayBuffer> | string) => {
    waiting = typeof bytes === "string" ? encodeUTF8(bytes) : bytes;
    onReadable?.(waiting.length);
  };
  return { clock, cards, send, reader };
}

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

  test("reports each card of a wallet once, although it reads them in turn", () => {
    const { clock, cards, send } = reading("lines");
    for (let i = 0; i < 20; i++) {
      send("CARD-1\nCARD-2\nCARD-3\nCARD-4\n");
      clock.advance(2900);
    }
    expect(cards).toEqual(["CARD-1", "CARD-2", "CARD-3", "CARD-4"]);
    clock.advance(100);
    send("CARD-2\n");
    expect(cards.at(-1)).toBe("CARD-2");
    expect(cards).toHaveLength(5);
  });

  test("remembers the four cards that it read last", () => {
    const { cards, send } = reading("lines");
    send("CARD-1\nCARD-2\nCARD-3\nCARD-4\nCARD-5\nCARD-2\nCARD-1\n");
    expect(cards).toEqual(["CARD-1", "CARD-2", "CARD-3", "CARD-4", "CARD-5", "CARD-1"]);
  });
});

test("CardReader is inactive on a board without a reader", () => {
  const board = { clock: new VirtualClock(), pins: {}, io: {} } as unknown as Board;
  expect(() => new CardReader({ board, kind: "lines", onCard: () => {} }).close()).not.toThrow();
});
