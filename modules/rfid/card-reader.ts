import type { Board, IO, Serial } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
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

/** Card reader on the board's serial line; inactive on a board without one. */
export class CardReader implements IO {
  private _serial: Serial | undefined;

  constructor({ board, kind, onCard }: CardReaderOptions) {
    const { clock, io, pins } = board;
    if (pins.cardReader === undefined) return;
    const readByte = makeFrameReader(kind);
    let latest: { tag: string; seenMs: number } | undefined;
    const handleTag = (tag: string) => {
      const seenMs = clock.monotonicMs();
      const isRepeat = latest?.tag === tag && seenMs - latest.seenMs < REPEAT_MS;
      latest = { tag, seenMs };
      if (!isRepeat) onCard(tag);
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
