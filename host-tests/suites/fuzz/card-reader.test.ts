/** Fuzzes the serial line of a card reader, against parsers of whole texts. */

import { jest, test } from "@jest/globals";
import type { Board, SerialOptions } from "../../../modules/board/index.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { CardReader, type ReaderKind } from "../../../modules/rfid/index.js";
import { cardFrame } from "../../virtual/scene.js";
import { VirtualClock } from "../../virtual/world/clock.js";
import { fuzz, inPieces, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
/** Time after which a reader reports the same card again, ms. */
const REPEAT_MS = 3000;
const MAX_LINE_CHARS = 64;
const [STX, ETX] = [String.fromCharCode(2), String.fromCharCode(3)];
const FRAME = new RegExp(`${STX}([0-9A-Fa-f]{12})${ETX}`, "g");
const GOOD = "62E3086CED";

jest.setTimeout(HOUR_MS);

function reading(kind: ReaderKind) {
  const clock = new VirtualClock();
  const cards: string[] = [];
  let waiting: Bytes = new Uint8Array(0);
  let options: SerialOptions | undefined;
  class Line {
    constructor(given: SerialOptions) {
      options = given;
    }
    read(): ArrayBuffer {
      return waiting.slice().buffer;
    }
    close(): void {}
  }
  const board = { clock, pins: { cardReader: 1 }, io: { Serial: Line } } as unknown as Board;
  new CardReader({ board, kind, onCard: (tag) => cards.push(tag) });
  /** Sends bytes, and returns the cards that they report. */
  return (pieces: readonly Bytes[]) => {
    clock.advance(REPEAT_MS);
    cards.length = 0;
    for (const piece of pieces) {
      waiting = piece;
      options?.onReadable?.(piece.length);
    }
    return [...cards];
  };
}

/** Omits cards that follow themselves: the reader repeats a card that stays. */
function withoutRepeats(tags: readonly string[]): string[] {
  return tags.filter((tag, i) => tag !== tags[i - 1]);
}

function em4100(text: string): string[] {
  const frames = [...text.matchAll(FRAME)].map(([, digits = ""]) => digits);
  const isRight = (digits: string) => Buffer.from(digits, "hex").reduce((sum, byte) => sum ^ byte, 0) === 0;
  return withoutRepeats(frames.filter(isRight).map((digits) => digits.slice(0, 10).toUpperCase()));
}

function lines(text: string): string[] {
  const whole = text.split(/[\r\n]/).filter((line) => line.length <= MAX_LINE_CHARS);
  return withoutRepeats(whole.map((line) => line.trim()).filter((line) => line !== ""));
}

function noise(random: Random, frame: () => Bytes): Bytes {
  const parts = Array.from({ length: random.int(5) }, () =>
    random.bool(0.3)
      ? random.bytes(random.int(30))
      : random.bool()
        ? frame()
        : mutated(random, frame(), [STX, ETX, "\n"]),
  );
  return concatBytes(...parts);
}

test(`${FUZZ_RUNS} inputs of an EM4100 reader report exactly the whole frames with a right checksum`, () => {
  const send = reading("em4100");
  const digits = () => "0123456789ABCDEF";
  fuzz({
    seed: 61,
    make: (random) =>
      noise(random, () => cardFrame(Array.from({ length: 10 }, () => random.pick([...digits()])).join(""))),
    check: (bytes, random) => {
      // The frame at the end is read after any noise.
      const all = concatBytes(bytes, cardFrame(GOOD));
      same(send(inPieces(random, all)), em4100(Buffer.from(all).toString("latin1")));
      same(em4100(Buffer.from(all).toString("latin1")).at(-1), GOOD);
    },
  });
});

test(`${FUZZ_RUNS} inputs of a reader of lines report exactly the lines of at most 64 characters`, () => {
  const send = reading("lines");
  fuzz({
    seed: 62,
    make: (random) =>
      noise(random, () =>
        encodeUTF8(`${"CARD-1".repeat(random.int(14))}${random.pick(["\r\n", "\r", "\n", " \n"])}`),
      ),
    check: (bytes, random) => {
      const all = concatBytes(bytes, encodeUTF8(`\n${GOOD}\n`));
      const cards = send(inPieces(random, all));
      same(cards, lines(Buffer.from(all).toString("latin1")));
      same(cards.at(-1), GOOD);
    },
  });
});
