import type { Clock, Timer } from "../../../modules/board/index.js";
import type { SerialDevice } from "./wiring.js";

/** A card of ISO/IEC 14443 type A. */
export interface NFCCard {
  readonly uid: readonly number[];
  /** `true` for a card of ISO/IEC 14443-4, for example a phone, a bank card or a DESFire. */
  readonly isPart4?: boolean;
}

const BAUD = 115_200;
const ACK = [0x00, 0x00, 0xff, 0x00, 0xff, 0x00];
const ERROR_FRAME = [0x00, 0x00, 0xff, 0x01, 0xff, 0x7f, 0x81, 0x00];
const ACK_MS = 1;
const RESPONSE_MS = 10;
/** Default of MxRtyPassiveActivation: a poll waits for a card. */
const ENDLESS = 0xff;
/** Answer to select of a card of ISO/IEC 14443-4, and its shortest ATS. */
const PART_4_SAK = 0x20;
const ATS = [0x05, 0x78, 0x80, 0x70, 0x02];
const TAP_MS = 600;

const SAM_CONFIGURATION = 0x14;
const SET_PARAMETERS = 0x12;
const RF_CONFIGURATION = 0x32;
const IN_LIST_PASSIVE_TARGET = 0x4a;
const AUTOMATIC_RATS = 0x10;
const MAX_RETRIES_ITEM = 5;

/** A PN532 on a serial line (NXP UM0701-02), with at most one card in its field. */
export class VirtualPN532 {
  /** `false`: it does not respond, as with a broken wire. */
  responds = true;
  /** Additional time of each response, ms. */
  delayMs = 0;
  readonly #line: SerialDevice;
  readonly #clock: Clock;
  #received: number[] = [];
  #isAwake = false;
  #isNormal = false;
  #hasAutomaticRATS = true;
  #maxRetries = ENDLESS;
  #card: NFCCard | undefined;
  /** The card has received RATS and responds to no further poll. */
  #isCardInProtocol = false;
  #running: Timer | undefined;
  #isPolling = false;
  #removal: Timer | undefined;

  constructor({ line, clock }: { line: SerialDevice; clock: Clock }) {
    this.#line = line;
    this.#clock = clock;
    line.baud = BAUD;
    line.watchReceived((bytes) => this.#receive(bytes));
  }

  /** Puts a card into the field, in place of another one. */
  place(card: NFCCard): void {
    this.#clock.clear(this.#removal);
    this.#card = card;
    this.#isCardInProtocol = false;
    if (this.#isPolling) this.#respondToPoll();
  }

  remove(): void {
    this.#clock.clear(this.#removal);
    this.#card = undefined;
  }

  /** Holds a card to the reader and removes it. */
  tap(card: NFCCard, durationMs = TAP_MS): void {
    this.place(card);
    this.#removal = this.#clock.set(() => this.remove(), durationMs);
  }

  /** Resets the chip, as a drop of its supply does. */
  reset(): void {
    this.#stop();
    this.#received = [];
    this.#isAwake = false;
    this.#isNormal = false;
    this.#hasAutomaticRATS = true;
    this.#maxRetries = ENDLESS;
    this.#isCardInProtocol = false;
  }

  #receive(bytes: Uint8Array<ArrayBuffer>): void {
    for (const byte of bytes) {
      if (byte === 0x55) this.#isAwake = true;
      if (this.#isAwake) this.#received.push(byte);
    }
    for (;;) {
      const start = this.#received.findIndex((byte, i) => byte === 0 && this.#received[i + 1] === 0xff);
      const length = this.#received[start + 2];
      if (start < 0 || length === undefined) return;
      const end = start + 4 + (length === 0 ? 0 : length + 1);
      if (this.#received.length < end) return;
      const frame = this.#received.splice(0, end).slice(start);
      if (length === 0) this.#stop();
      else this.#handleFrame(frame);
    }
  }

  #handleFrame(frame: readonly number[]): void {
    const content = frame.slice(4);
    const isValid =
      (((frame[2] ?? 0) + (frame[3] ?? 0)) & 0xff) === 0 &&
      (content.reduce((sum, byte) => sum + byte, 0) & 0xff) === 0;
    if (!isValid || !this.responds) return;
    const [tfi, code = 0, ...parameters] = content.slice(0, -1);
    if (!this.#isNormal && code !== SAM_CONFIGURATION) return;
    this.#stop();
    this.#running = this.#clock.set(() => {
      this.#line.send(Uint8Array.from(ACK));
      this.#running = this.#clock.set(() => {
        if (tfi === 0xd4) this.#execute(code, parameters);
        else this.#line.send(Uint8Array.from(ERROR_FRAME));
      }, RESPONSE_MS + this.delayMs);
    }, ACK_MS);
  }

  #execute(code: number, [first = 0, ...others]: readonly number[]): void {
    switch (code) {
      case SAM_CONFIGURATION:
        this.#isNormal = true;
        this.#respond(code);
        break;
      case SET_PARAMETERS:
        this.#hasAutomaticRATS = (first & AUTOMATIC_RATS) !== 0;
        this.#respond(code);
        break;
      case RF_CONFIGURATION:
        if (first === MAX_RETRIES_ITEM) this.#maxRetries = others[2] ?? ENDLESS;
        this.#respond(code);
        break;
      case IN_LIST_PASSIVE_TARGET:
        if (this.#maxRetries === ENDLESS && !this.#foundCard) this.#isPolling = true;
        else this.#respondToPoll();
        break;
      default:
        this.#line.send(Uint8Array.from(ERROR_FRAME));
    }
  }

  get #foundCard(): NFCCard | undefined {
    return this.#isCardInProtocol ? undefined : this.#card;
  }

  #respondToPoll(): void {
    this.#isPolling = false;
    const card = this.#foundCard;
    if (!card) {
      this.#respond(IN_LIST_PASSIVE_TARGET, 0);
      return;
    }
    const hasATS = card.isPart4 === true && this.#hasAutomaticRATS;
    this.#isCardInProtocol = hasATS;
    const target = [1, 0x00, 0x04, card.isPart4 ? PART_4_SAK : 0x08, card.uid.length, ...card.uid];
    this.#respond(IN_LIST_PASSIVE_TARGET, 1, ...target, ...(hasATS ? ATS : []));
  }

  #respond(code: number, ...data: number[]): void {
    const content = [0xd5, code + 1, ...data];
    const sum = content.reduce((total, byte) => total + byte, 0);
    const { length } = content;
    this.#line.send(
      Uint8Array.from([0x00, 0x00, 0xff, length, -length & 0xff, ...content, -sum & 0xff, 0x00]),
    );
  }

  #stop(): void {
    this.#clock.clear(this.#running);
    this.#isPolling = false;
  }
}
