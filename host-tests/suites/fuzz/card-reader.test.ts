/** Fuzzes the serial line of a card reader, against parsers of whole texts. */

import { jest, test } from "@jest/globals";
import type { Board, SerialOptions } from "../../../modules/board/index.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { openCardReader, type ReaderKind } from "../../../modules/rfid/index.js";
import {
  commandFrame,
  MAX_CONTENT_BYTES,
  type PN532Frame,
  PN532FrameReader,
} from "../../../modules/rfid/pn532-frames.js";
import { VirtualClock } from "../../virtual/world/clock.js";
import { fuzz, inPieces, mutated } from "../../virtual/world/fuzz.js";
import { VirtualPN532 } from "../../virtual/world/pn532.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { cardFrame, SerialDevice } from "../../virtual/world/wiring.js";
import { same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
/** Time after which a reader reports the same card again, ms. */
const REPEAT_MS = 3000;
const MAX_LINE_CHARS = 64;
/** Number of cards whose repeats are recognized. */
const MAX_CARDS = 4;
const [STX, ETX] = [String.fromCharCode(2), String.fromCharCode(3)];
const FRAME = new RegExp(`${STX}([0-9A-Fa-f]{12})(?:\\r\\n)?${ETX}`, "g");
const LINE_END = new RegExp(`[${STX}${ETX}\\r\\n]`);
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
  const pins = { cardReader: 1, cardReaderTransmit: 2 };
  const board = { clock, pins, io: { Serial: Line }, log: () => {} } as unknown as Board;
  const listener = {
    handleCard: (tag: string) => cards.push(tag),
    handleRandomCard: () => {},
    handleReaderSilent: () => {},
  };
  openCardReader({ board, kind, listener });
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

/** Omits cards that are among the latest four: the reader repeats cards that stay. */
function withoutRepeats(tags: readonly string[]): string[] {
  return tags.filter((tag, i) => {
    const latest = [...new Set(tags.slice(0, i).reverse())].slice(0, MAX_CARDS);
    return !latest.includes(tag);
  });
}

function em4100(text: string): string[] {
  const frames = [...text.matchAll(FRAME)].map(([, digits = ""]) => digits);
  const isRight = (digits: string) => Buffer.from(digits, "hex").reduce((sum, byte) => sum ^ byte, 0) === 0;
  return withoutRepeats(frames.filter(isRight).map((digits) => digits.slice(0, 10).toUpperCase()));
}

function lines(text: string): string[] {
  const whole = text.split(LINE_END).filter((line) => line.length <= MAX_LINE_CHARS);
  const printable = whole.map((line) => line.trim()).filter((line) => /^[\x20-\x7e]+$/.test(line));
  const isSpacedHex = (line: string) =>
    /^[\da-f]{2} /i.test(line) && line.split(" ").every((part) => /^[\da-f]{2}$/i.test(part));
  return withoutRepeats(
    printable.map((line) => (isSpacedHex(line) ? line.split(" ").join("").toUpperCase() : line)),
  );
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
        encodeUTF8(
          `${random.pick(["CARD-1", "04 a1 "]).repeat(random.int(14))}${random.pick(["\r\n", "\r", "\n", " \n", ETX])}`,
        ),
      ),
    check: (bytes, random) => {
      const all = concatBytes(bytes, encodeUTF8(`\n${GOOD}\n`));
      const cards = send(inPieces(random, all));
      same(cards, lines(Buffer.from(all).toString("latin1")));
      same(cards.at(-1), GOOD);
    },
  });
});

const PADDING = new Uint8Array(MAX_CONTENT_BYTES + 8).fill(0x55);

/** Frames in a text of latin1, found by a parser of whole texts: at each position, or a byte later. */
function pn532Frames(text: string): PN532Frame[] {
  const frames: PN532Frame[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith("\0\xff\0\xff", at)) {
      frames.push("ack");
      at += 3;
      continue;
    }
    const byteLength = text.charCodeAt(at + 2);
    const isHead = text.startsWith("\0\xff", at) && (byteLength + text.charCodeAt(at + 3)) % 256 === 0;
    if (!isHead) continue;
    const content = [...Buffer.from(text.slice(at + 4, at + 5 + byteLength), "latin1")];
    const isWhole = content.length === byteLength + 1 && byteLength > 0 && byteLength <= MAX_CONTENT_BYTES;
    if (!isWhole || content.reduce((sum, byte) => sum + byte, 0) % 256 !== 0) continue;
    frames.push(content.slice(0, -1));
    at += 4 + byteLength;
  }
  return frames;
}

test(`${FUZZ_RUNS} inputs of a PN532 are decoded into exactly the whole frames`, () => {
  const known = commandFrame([0x4b, 1, 1, 0, 4, 8, 4, 1, 2, 3, 4]);
  fuzz({
    seed: 63,
    make: (random) => {
      const parts = Array.from({ length: random.int(6) }, () => {
        const frame = Uint8Array.from(commandFrame([...random.bytes(random.int(20))]));
        return random.pick([
          () => frame,
          () => mutated(random, frame, ["\0\xff", "\0\xff\0\xff"]),
          () => Uint8Array.of(0, 0, 0xff, 0, 0xff, 0),
          () => Uint8Array.of(0, 0xff, random.int(80), random.int(256)),
          () => random.bytes(random.int(10)).map((byte) => random.pick([byte, 0, 0xff])),
        ])();
      });
      return concatBytes(...parts);
    },
    check: (bytes, random) => {
      // The padding completes or breaks each frame before it; the frame at the end is decoded after any noise.
      const all = concatBytes(bytes, PADDING, Uint8Array.from(known));
      const reader = new PN532FrameReader();
      const frames: PN532Frame[] = [];
      for (const piece of inPieces(random, all)) {
        reader.add(piece);
        for (let frame = reader.next(); frame; frame = reader.next()) frames.push(frame);
      }
      same(frames, pn532Frames(Buffer.from(all).toString("latin1")));
      same(frames.at(-1), [0xd4, 0x4b, 1, 1, 0, 4, 8, 4, 1, 2, 3, 4]);
    },
  });
});

test(`${FUZZ_RUNS} inputs of a PN532 never give a tag but the hex of a whole UID, and polling goes on`, () => {
  const clock = new VirtualClock();
  const line = new SerialDevice({ baud: 115_200 });
  const pn532 = new VirtualPN532({ line, clock });
  const reports: string[] = [];
  let waiting: Bytes = new Uint8Array(0);
  let options: SerialOptions | undefined;
  class Line {
    constructor(given: SerialOptions) {
      options = given;
    }
    read(): ArrayBuffer | undefined {
      const { buffer } = waiting;
      waiting = new Uint8Array(0);
      return buffer.byteLength > 0 ? buffer : undefined;
    }
    write(bytes: Bytes): void {
      line.receive(bytes);
    }
    close(): void {}
  }
  const receive = (bytes: Bytes) => {
    waiting = concatBytes(waiting, bytes);
    options?.onReadable?.(waiting.length);
  };
  line.watch(receive);
  const board = {
    clock,
    pins: { cardReader: 1, cardReaderTransmit: 2 },
    io: { Serial: Line },
    log: () => {},
  } as unknown as Board;
  const listener = {
    handleCard: (tag: string) => reports.push(tag),
    handleRandomCard: () => reports.push("random"),
    handleReaderSilent: () => {},
  };
  openCardReader({ board, kind: "pn532", listener });
  fuzz({
    seed: 64,
    make: (random) => Array.from({ length: 1 + random.int(4) }, () => random.bytes(random.int(30))),
    check: (noise, random) => {
      reports.length = 0;
      const uid = [...random.bytes(random.pick([4, 7, 10]))];
      const tag = Buffer.from(uid).toString("hex").toUpperCase();
      if (random.bool(0.1)) pn532.reset();
      pn532.place({ uid, isPart4: random.bool() });
      for (const bytes of noise) {
        receive(bytes);
        clock.advance(random.int(400));
      }
      clock.advance(REPEAT_MS);
      same(reports, [uid.length === 4 && uid[0] === 0x08 ? "random" : tag]);
      pn532.remove();
      clock.advance(REPEAT_MS);
    },
  });
});
