import type { Board, IO, PinSpecifier, Serial, Timer } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { commandFrame, type PN532Frame, PN532FrameReader } from "./pn532-frames.js";

/** Receiver of what a PN532 reports. */
export interface PN532Listener {
  /** A card is in the field. Called for each poll that finds one. */
  handleUID(uid: readonly number[]): void;
  /** The PN532 has stopped responding, or responds again. */
  handleSilentChanged(isSilent: boolean): void;
}

export interface PN532Options {
  readonly board: Pick<Board, "clock" | "io">;
  readonly pin: PinSpecifier;
  readonly transmitPin: PinSpecifier;
  readonly listener: PN532Listener;
}

/** Baud rate of a PN532 after its reset (UM0701-02 section 6.2.3). */
const BAUD = 115_200;
/** Time between two polls, ms. */
const POLL_MS = 250;
/** Maximum time from a command to its response, ms. The two tries of a poll take less than a tenth of it. */
const RESPONSE_MS = 500;
/** Time without a response after which the PN532 counts as silent, ms. */
const SILENT_MS = 10_000;
/** Time between two attempts to set up a silent PN532, ms. */
const RETRY_MS = 2000;

/**
 * Sent before the set-up: 55 wakes the PN532 up, the zeros give its oscillator 2 ms, and the ACK frame ends a command that
 * still runs.
 */
const WAKE_UP: readonly number[] = Object.freeze([
  ...[0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0x00, 0x00, 0xff, 0x00, 0xff, 0x00],
]);
/** Commands of the set-up, then the poll, which is repeated (UM0701-02 section 7). */
const COMMANDS: readonly (readonly number[])[] = Object.freeze([
  // SAMConfiguration: normal mode, without a SAM. It ends the low-battery mode after a reset.
  Object.freeze([0x14, 0x01, 0x14, 0x01]),
  // SetParameters: no automatic RATS, so that each poll finds a card of ISO/IEC 14443-4 that stays in the field.
  Object.freeze([0x12, 0x04]),
  // RFConfiguration, MaxRetries: two tries a poll. By default, a poll without a card has no end.
  Object.freeze([0x32, 0x05, 0xff, 0x01, 0x01]),
  // InListPassiveTarget: one target, 106 kbit/s type A.
  Object.freeze([0x4a, 0x01, 0x00]),
]);
const POLL = COMMANDS.length - 1;
/** TFI of a frame from the PN532. */
const FROM_PN532 = 0xd5;
/** Position of the UID's length in the response to a poll, after TFI, code, NbTg, Tg, SENS_RES and SEL_RES. */
const UID_LENGTH_AT = 7;

/**
 * Driver of a PN532 on a serial line ("HSU"). It polls for cards of ISO/IEC 14443 type A. A command without a response is
 * followed by a new set-up, which also restores a PN532 after its reset.
 */
export class PN532 implements IO {
  private readonly _clock: Board["clock"];
  private readonly _listener: PN532Listener;
  private readonly _frames = new PN532FrameReader();
  private _serial: Serial | undefined;
  /** Index in `COMMANDS`. */
  private _step = 0;
  /** A command was sent, and its response is missing. Otherwise the timer sends the next command. */
  private _isWaiting = false;
  private _isAcknowledged = false;
  private _isSilent = false;
  /** Time of the latest response to a poll, ms. */
  private _respondedMs: number;
  private _timer: Timer | undefined;
  private readonly _onTimer = () => this._handleTimer();

  constructor({ board: { clock, io }, pin, transmitPin, listener }: PN532Options) {
    this._clock = clock;
    this._listener = listener;
    this._respondedMs = clock.monotonicMs();
    this._serial = new io.Serial({ pin, transmitPin, baud: BAUD, onReadable: () => this._receive() });
    this._send();
  }

  close(): void {
    this._clock.clear(this._timer);
    this._serial?.close();
    this._serial = undefined;
  }

  private _send(): void {
    // Late bytes belong to an earlier command.
    this._serial?.read();
    this._frames.clear();
    this._isWaiting = true;
    this._isAcknowledged = false;
    const frame = commandFrame(COMMANDS[this._step] ?? []);
    this._serial?.write(Uint8Array.from(this._step === 0 ? [...WAKE_UP, ...frame] : frame));
    this._setTimer(RESPONSE_MS);
  }

  private _setTimer(delayMs: number): void {
    this._clock.clear(this._timer);
    this._timer = this._clock.set(this._onTimer, delayMs);
  }

  private _receive(): void {
    const bytes = this._serial?.read();
    if (!bytes) return;
    this._frames.add(asUint8Array(bytes));
    for (let frame = this._frames.next(); frame; frame = this._frames.next()) this._handleFrame(frame);
  }

  /** A response counts after the ACK of its command, so that a late one of an earlier command is dropped. */
  private _handleFrame(frame: PN532Frame): void {
    if (!this._isWaiting) return;
    if (frame === "ack") {
      this._isAcknowledged = true;
      return;
    }
    const [code = 0] = COMMANDS[this._step] ?? [];
    if (!this._isAcknowledged || frame[0] !== FROM_PN532 || frame[1] !== code + 1) return;
    this._isWaiting = false;
    if (this._step < POLL) {
      this._step++;
      this._send();
      return;
    }
    this._setTimer(POLL_MS);
    this._respondedMs = this._clock.monotonicMs();
    this._setSilent(false);
    const uid = uidIn(frame);
    if (uid && this._serial) this._listener.handleUID(uid);
  }

  private _handleTimer(): void {
    this._timer = undefined;
    // The response may have arrived while the engine was busy.
    if (this._isWaiting) this._receive();
    if (this._timer !== undefined || !this._serial) return;
    if (this._isWaiting) this._handleTimeout();
    else this._send();
  }

  private _handleTimeout(): void {
    this._step = 0;
    this._isWaiting = false;
    if (this._clock.monotonicMs() - this._respondedMs < SILENT_MS) {
      this._send();
      return;
    }
    this._setTimer(RETRY_MS);
    this._setSilent(true);
  }

  private _setSilent(isSilent: boolean): void {
    if (isSilent === this._isSilent) return;
    this._isSilent = isSilent;
    this._listener.handleSilentChanged(isSilent);
  }
}

/** Returns the UID in a response to a poll: 4, 7 or 10 bytes (ISO/IEC 14443-3 section 6.5.4); `undefined` without a card. */
function uidIn(response: readonly number[]): readonly number[] | undefined {
  const length = response[UID_LENGTH_AT];
  if (response[2] !== 1 || (length !== 4 && length !== 7 && length !== 10)) return undefined;
  const uid = response.slice(UID_LENGTH_AT + 1, UID_LENGTH_AT + 1 + length);
  return uid.length === length ? uid : undefined;
}
