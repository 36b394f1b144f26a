import type { Board, IO, Serial, SerialPins, Timer } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import type { Failure } from "../failure/index.js";
import { encodeRequest, type ReadRequest, ResponseReader, responseBytes } from "./frames.js";

export interface ModbusClientOptions {
  readonly board: Pick<Board, "clock" | "io">;
  readonly line: SerialPins;
  readonly baud: number;
}

export type ModbusFailureCode = "no-answer" | "exception";

export type ReadOutcome =
  /** Two bytes for each register, the high byte first. */
  | { readonly ok: true; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly ok: false; readonly failure: Failure<ModbusFailureCode> };

/** Number of times that a request is sent before it fails. */
const ATTEMPTS = 3;
/** Time for a response beyond its transmission, ms. Meters take up to 100 ms; the engine may be busy as long. */
const RESPONSE_MS = 500;
/**
 * Time after a time-out in which the response may still arrive, ms. Responses have no id: a late one could pass for that of
 * another request, so that none is sent meanwhile.
 */
const LATE_MS = 1000;
/** Bits of a character with start bit, stop bit and the parity bit that is not sent. */
const CHARACTER_BITS = 11;
/** Silence between frames in characters, and its lowest value in ms above 19,200 baud (V1.02, section 2.5.1.1). */
const SILENCE_CHARACTERS = 3.5;
const MIN_SILENCE_MS = 1.75;

/** Client of one Modbus RTU line. It performs one request at a time. */
export class ModbusClient implements IO {
  private readonly _options: ModbusClientOptions;
  private readonly _serial: Serial;
  /** Handles readable bytes. Without a request, they stay in the UART until the next one discards them. */
  private _onBytes: (() => void) | undefined;
  /** Runs while a request is under way. */
  private _timer: Timer | undefined;
  /** Earliest time of the next frame, ms. */
  private _silentUntilMs: number;
  /** Earliest time of another request, ms. */
  private _quietUntilMs = 0;
  private _attempt = 0;

  constructor(options: ModbusClientOptions) {
    this._options = options;
    const { board, line, baud } = options;
    this._silentUntilMs = board.clock.monotonicMs() + this._silenceMs;
    this._serial = new board.io.Serial({
      pin: line.receive,
      transmitPin: line.transmit,
      directionPin: line.direction,
      baud,
      onReadable: () => this._onBytes?.(),
    });
  }

  /** Reads registers. `done` is called once, later. Throws while another request is under way. */
  read(request: ReadRequest, done: (outcome: ReadOutcome) => void): void {
    if (this._timer) throw new Error("a Modbus request is under way");
    this._attempt = 0;
    const nowMs = this._options.board.clock.monotonicMs();
    this._sendLater(request, done, Math.max(0, this._quietUntilMs - nowMs));
  }

  close(): void {
    this._options.board.clock.clear(this._timer);
    this._onBytes = undefined;
    this._serial.close();
  }

  private get _silenceMs(): number {
    return Math.max(MIN_SILENCE_MS, this._durationMs(SILENCE_CHARACTERS));
  }

  /** Returns the duration of a transmission, ms. */
  private _durationMs(characters: number): number {
    return (characters * CHARACTER_BITS * 1000) / this._options.baud;
  }

  private _sendLater(request: ReadRequest, done: (outcome: ReadOutcome) => void, delayMs: number): void {
    const { clock } = this._options.board;
    const silentMs = this._silentUntilMs - clock.monotonicMs();
    this._timer = clock.set(() => this._send(request, done), Math.ceil(Math.max(0, delayMs, silentMs)));
  }

  private _send(request: ReadRequest, done: (outcome: ReadOutcome) => void): void {
    const { clock } = this._options.board;
    // A response that came after its time-out is discarded.
    this._serial.read();
    const reader = new ResponseReader(request);
    this._onBytes = () => {
      const bytes = this._serial.read();
      this._silentUntilMs = clock.monotonicMs() + this._silenceMs;
      const response = bytes && reader.receive(asUint8Array(bytes));
      if (!response) return;
      if (response.type === "registers") this._finish(done, { ok: true, bytes: response.bytes });
      else this._finish(done, failed("exception", `the device answers with exception ${response.code}`));
    };
    const frame = encodeRequest(request);
    this._serial.write(frame);
    const transmissionMs = this._durationMs(frame.length + responseBytes(request));
    this._timer = clock.set(
      () => this._handleTimeout(request, done),
      Math.ceil(RESPONSE_MS + transmissionMs),
    );
  }

  private _handleTimeout(request: ReadRequest, done: (outcome: ReadOutcome) => void): void {
    this._onBytes = undefined;
    this._quietUntilMs = this._options.board.clock.monotonicMs() + LATE_MS;
    // A late response to the same request is welcome.
    if (++this._attempt < ATTEMPTS) this._sendLater(request, done, 0);
    else this._finish(done, failed("no-answer", `the device ${request.address} does not answer`));
  }

  private _finish(done: (outcome: ReadOutcome) => void, outcome: ReadOutcome): void {
    this._options.board.clock.clear(this._timer);
    this._timer = undefined;
    this._onBytes = undefined;
    done(outcome);
  }
}

function failed(code: ModbusFailureCode, message: string): ReadOutcome {
  return { ok: false, failure: { code, message } };
}
