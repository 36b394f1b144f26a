import type { Board, IO, Serial } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { makeFrameReader, type ReaderKind } from "./frames.js";

export interface CardReaderOptions {
  readonly board: Pick<Board, "clock" | "io" | "pins">;
  readonly kind: ReaderKind;
  /** A card is held to the reader, once. Its number is a secret. */
  readonly onCard: (tag: string) => void;
}

const BAUD = 9600;
/** A card that is seen again within this was never taken away. */
const REPEAT_MS = 3000;

/** The reader on the board's serial line; a station without one reads nothing. */
export class CardReader implements IO {
  private _serial: Serial | undefined;

  constructor({ board, kind, onCard }: CardReaderOptions) {
    const { clock, io, pins } = board;
    if (pins.cardReader === undefined) return;
    const read = makeFrameReader(kind);
    let last: { tag: string; seenMs: number } | undefined;
    const see = (tag: string) => {
      const seenMs = clock.monotonicMs();
      const isRepeat = last?.tag === tag && seenMs - last.seenMs < REPEAT_MS;
      last = { tag, seenMs };
      if (!isRepeat) onCard(tag);
    };
    this._serial = new io.Serial({
      pin: pins.cardReader,
      baud: BAUD,
      onReadable: () => {
        for (const byte of asUint8Array(this._serial?.read() ?? new ArrayBuffer(0))) {
          const tag = read(byte);
          if (tag !== undefined) see(tag);
        }
      },
    });
  }

  close(): void {
    this._serial?.close();
    this._serial = undefined;
  }
}
