import type { Board, IO, PinSpecifier, Serial } from "../board/index.js";
import { asUint8Array, encodeHex } from "../bytes/index.js";
import { BoundedMap } from "../limits/index.js";
import { type FrameReader, makeFrameReader, type ReaderKind, UNKNOWN } from "./frames.js";
import { PN532, type PN532Listener } from "./pn532.js";

/** Receiver of what a card reader reports. */
export interface CardReaderListener {
  /** A card was presented. Called once per swipe with its tag, which must not be logged. */
  handleCard(tag: string): void;
  /** A card without a number of its own was presented: its UID is random. Called once per swipe. */
  handleRandomCard(): void;
  /** The card reader has not responded for 10 s. Only a PN532 is asked to. Called at most once an hour. */
  handleReaderSilent(): void;
}

export interface CardReaderOptions {
  readonly board: Pick<Board, "clock" | "io" | "pins" | "log">;
  readonly kind: ReaderKind;
  readonly listener: CardReaderListener;
}

/** Baud rate of the readers that only send. */
const BAUD = 9600;
/** Maximum time between reads of one swipe, ms: readers repeat a card that stays in the field. */
const REPEAT_MS = 3000;
/** Number of cards whose repeats are recognized: a wallet can have more than one. */
const MAX_CARDS = 4;
/** First byte of a random UID of 4 bytes (ISO/IEC 14443-3 section 6.5.4). */
const RANDOM_UID = 0x08;
/** Stands for every card with a random UID in the list of seen cards. No tag is like it. */
const RANDOM = "random UID";

/** Minimum time between two reports of a silent reader, ms. */
const SILENCE_REPORT_MS = 60 * 60_000;

/** Opens the card reader on the board's serial line; `undefined` on a board without one. */
export function openCardReader(options: CardReaderOptions): IO | undefined {
  const { cardReader: pin } = options.board.pins;
  return pin === undefined ? undefined : new CardReader(pin, options);
}

class CardReader implements IO, PN532Listener {
  private readonly _options: CardReaderOptions;
  private readonly _seenMs = new BoundedMap<string, number>(MAX_CARDS);
  private _line: Serial | PN532 | undefined;
  private _isUnknownLogged = false;
  private _silenceReportedMs: number | undefined;

  constructor(pin: PinSpecifier, options: CardReaderOptions) {
    this._options = options;
    const { board, kind } = options;
    const { cardReaderTransmit: transmitPin } = board.pins;
    if (kind !== "pn532") this._line = this._openLine(pin, makeFrameReader(kind));
    else if (transmitPin === undefined) board.log("rfid: a PN532 needs cardReaderTransmitPin in the wiring");
    else this._line = new PN532({ board, pin, transmitPin, listener: this });
  }

  close(): void {
    this._line?.close();
    this._line = undefined;
  }

  handleUID(uid: readonly number[]): void {
    const { listener } = this._options;
    if (uid.length === 4 && uid[0] === RANDOM_UID) {
      if (!this._isRepeat(RANDOM)) listener.handleRandomCard();
    } else this._handleTag(encodeHex(Uint8Array.from(uid)).toUpperCase());
  }

  handleSilentChanged(isSilent: boolean): void {
    const { board, listener } = this._options;
    if (!isSilent) {
      board.log("rfid: the card reader responds again");
      return;
    }
    const nowMs = board.clock.monotonicMs();
    if (this._silenceReportedMs !== undefined && nowMs - this._silenceReportedMs < SILENCE_REPORT_MS) return;
    this._silenceReportedMs = nowMs;
    listener.handleReaderSilent();
  }

  private _openLine(pin: PinSpecifier, readByte: FrameReader): Serial {
    const serial = new this._options.board.io.Serial({
      pin,
      baud: BAUD,
      onReadable: () => {
        for (const byte of asUint8Array(serial.read() ?? new ArrayBuffer(0))) {
          const tag = readByte(byte);
          if (tag === UNKNOWN) this._logUnknown();
          else if (tag !== undefined) this._handleTag(tag);
        }
      },
    });
    return serial;
  }

  private _handleTag(tag: string): void {
    if (!this._isRepeat(tag)) this._options.listener.handleCard(tag);
  }

  /** `true` if a card was seen within `REPEAT_MS`. Each look extends the time. */
  private _isRepeat(tag: string): boolean {
    const nowMs = this._options.board.clock.monotonicMs();
    const seenMs = this._seenMs.get(tag);
    this._seenMs.set(tag, nowMs);
    return seenMs !== undefined && nowMs - seenMs < REPEAT_MS;
  }

  /** The bytes stay out of the log: they may be a card's number. */
  private _logUnknown(): void {
    if (this._isUnknownLogged) return;
    this._isUnknownLogged = true;
    const { board, kind } = this._options;
    board.log(
      `rfid: the reader sends data that is not of the kind ${kind}; check cardReaderKind and the line`,
    );
  }
}
