import type { Board, IO, Serial } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { BoundedMap } from "../limits/index.js";
import { makeFrameReader, type ReaderKind } from "./frames.js";

export interface CardReaderOptions {
  readonly board: Pick<Board, "clock" | "io" | "pins">;
  readonly kind: ReaderKind;
  /** Called once per swipe with the tag of the card. The tag is a secret. */
  readonly onCard: (tag: string) => void;
}

/** Baud rate of the supported readers. */
const BAUD = 9600;
/** Maximum time between reads of one swipe, ms: readers repeat a card that stays in the field. */
const REPEAT_MS = 3000;
/** Number of cards whose latest read is remembered: those of a wallet, which a reader reads in turn. */
const MAX_CARDS = 4;

/** Card reader on the board's serial line; inactive on a board without one. */
export class CardReader implements IO {
  private _serial: Serial | undefined;

  constructor({ board, kind, onCard }: CardReaderOptions) {
    const { clock, io, pins } = board;
    if (pins.cardReader === undefined) return;
    const readByte = makeFrameReader(kind);
    /** Times at which the latest cards were seen last, ms. */
    const seenMs = new BoundedMap<string, number>(MAX_CARDS);
    const handleTag = (tag: string) => {
      const nowMs = clock.monotonicMs();
      const latestMs = seenMs.get(tag);
      seenMs.set(tag, nowMs);
      if (latestMs === undefined || nowMs - latestMs >= REPEAT_MS) onCard(tag);
    };
    this._serial = new io.Serial({
      pin: pins.cardReader,
      baud: BAUD,
      onReadable: () => {
        for (const byte of asUint8Array(this._serial?.read() ?? new ArrayBuffer(0))) {
          const tag = readByte(byte);
          if (tag !== undefined) handleTag(tag);
        }
      },
    });
  }

  close(): void {
    this._serial?.close();
    this._serial = undefined;
  }
}
