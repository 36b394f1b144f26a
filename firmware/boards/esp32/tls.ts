import {
  type Bytes,
  type Clock,
  MAX_READ_BYTES,
  type TCP,
  type TCPConstructor,
  type TLSConnectOptions,
  type TLSConstructor,
} from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import type { ClientCertificate } from "../../../modules/settings/index.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";
import * as native from "./tls/native.js";

/** Results of the native functions (`enum tls_result` in tls/tls-session.h). */
const OK = 0;
const WANT_OUTPUT = 2;
/** Sentences for the results that end a handshake, from `TLS_CLOSED` on. */
const REASONS = [
  "the server has closed the connection",
  "the station has too little memory",
  "its certificate is of an unknown authority",
  "its certificate is for another name",
  "its certificate has expired",
  "its certificate is not valid yet",
  "its certificate is too weak or not for servers",
  "it sends more than 4 KB at a time",
  "its certificates have more than 4 KB together",
  "it refuses the station",
  "its answer is not TLS 1.2",
];
const CLOSED = 3;
/** Sockets write whole pipes (`TLS_PIPE_BYTES`); in each, this is reserved for encryption. */
const PIPE_BYTES = 1024;
const OVERHEAD_BYTES = 128;

export interface TLSParts {
  readonly TCP: TCPConstructor;
  readonly clock: Clock;
  readonly guard: Guard;
  /** Certificate for servers that ask for one. It is read for each connection, to hold no memory. */
  readonly clientCertificate?: () => ClientCertificate | undefined;
}

/** Returns TLS by mbedTLS (tls/tls-connections.c). Handshakes run in a task of their own and do not hold the engine. */
export function makeTLS(parts: TLSParts): TLSConstructor {
  const connections: (ChipTLS | undefined)[] = [];
  native.listen((index) => parts.guard.run(() => connections[index]?.advance()));
  return withParts(ChipTLS, { ...parts, connections });
}

interface Parts extends TLSParts {
  /** Open connections by their native number. */
  readonly connections: (ChipTLS | undefined)[];
}

class ChipTLS implements TCP {
  readonly remoteAddress: string;
  readonly remotePort: number;
  private readonly _options: TLSConnectOptions;
  private readonly _parts: Parts;
  private readonly _index: number;
  private readonly _socket: TCP;
  /** Numbers of encrypted bytes that the socket has, and that it accepts. */
  private _receivedBytes = 0;
  private _roomBytes = 0;
  private _isTCPUp = false;
  private _isTCPOver = false;
  private _isReady = false;
  private _isClosed = false;
  /** Decrypted bytes that were reported and not read. */
  private _readableBytes = 0;

  constructor(options: TLSConnectOptions, parts: Parts) {
    this._options = options;
    this._parts = parts;
    this.remoteAddress = options.address;
    this.remotePort = options.port;
    this._index = native.open(options.host);
    if (this._index < 0) throw new RangeError("no socket");
    try {
      const own = parts.clientCertificate?.();
      if (own) native.setCertificate(this._index, own.certificate, own.key);
      this._socket = this._connect();
    } catch (error) {
      native.close(this._index);
      throw error;
    }
    parts.connections[this._index] = this;
  }

  read(byteLength?: number): ArrayBuffer | undefined {
    if (this._isClosed) throw new Error("the socket is closed");
    if (this._readableBytes === 0) return undefined;
    const count = byteLength ?? Math.min(this._readableBytes, MAX_READ_BYTES);
    if (!(count > 0 && count <= this._readableBytes)) throw new Error("invalid");
    this._readableBytes -= count;
    const bytes = native.read(this._index, count);
    if (byteLength === undefined || this._readableBytes === 0) this._parts.guard.soon(() => this._announce());
    return bytes;
  }

  write(data: Bytes): number {
    if (this._isClosed) throw new Error("the socket is closed");
    if (!this._isReady) throw new Error("not ready");
    if (data.byteLength > this._writableBytes) throw new Error("would block");
    const bytes = asUint8Array(data);
    for (let written = 0; written < bytes.length; ) {
      const count = native.write(this._index, bytes, written);
      if (count === 0) return 0;
      written += count;
      this._send();
    }
    return this._writableBytes;
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    if (this._isReady && this._roomBytes > OVERHEAD_BYTES) {
      native.end(this._index);
      this._send();
    }
    this._socket.close();
    this._parts.connections[this._index] = undefined;
    native.close(this._index);
  }

  /** Moves bytes between the socket and the session, as far as both go. */
  advance(): void {
    if (this._isClosed || !this._isTCPUp) return;
    this._send();
    if (!this._isReady) this._shakeHands();
    else if (this._readableBytes === 0) this._receive();
  }

  /** Reports the bytes that a `read` has left, or those of the next record, which may have arrived. */
  private _announce(): void {
    if (this._readableBytes === 0) this.advance();
    else if (!this._isClosed) this._options.onReadable?.(this._readableBytes);
  }

  private get _writableBytes(): number {
    return Math.max(0, this._roomBytes - OVERHEAD_BYTES * Math.ceil(this._roomBytes / PIPE_BYTES));
  }

  private _connect(): TCP {
    const { address, port, noDelay } = this._options;
    return new this._parts.TCP({
      address,
      port,
      noDelay,
      onReadable: (count) => {
        this._receivedBytes = count;
        this.advance();
      },
      onWritable: (count) => {
        this._roomBytes = count;
        if (!this._isTCPUp) this._start();
        else this.advance();
        if (this._isReady) this._reportWritable();
      },
      onError: () => {
        this._isTCPOver = true;
        if (this._isTCPUp) this.advance();
        else this._fail();
      },
    });
  }

  private _start(): void {
    this._isTCPUp = true;
    const epochMs = this._parts.clock.epochMs();
    if (epochMs === undefined) this._fail("the time is unknown");
    else native.shakeHands(this._index, Math.floor(epochMs / 1000));
  }

  private _send(): void {
    while (this._roomBytes > 0) {
      const bytes = native.take(this._index, this._roomBytes);
      if (!bytes) return;
      this._roomBytes = this._socket.write(bytes);
    }
  }

  /** Gives the session encrypted bytes. Returns whether it has got any, or the end. */
  private _feed(): boolean {
    const count = Math.min(this._receivedBytes, native.room(this._index));
    const bytes = count > 0 ? this._socket.read(count) : undefined;
    if (bytes) {
      this._receivedBytes -= count;
      native.put(this._index, bytes);
    } else if (this._isTCPOver && this._receivedBytes === 0) native.putEnd(this._index);
    else return false;
    return true;
  }

  private _shakeHands(): void {
    this._feed();
    const result = native.result(this._index);
    if (result > WANT_OUTPUT) this._fail(REASONS[result - CLOSED]);
    if (result !== OK) return;
    this._isReady = true;
    this._reportWritable();
    if (!this._isClosed) this.advance();
  }

  private _receive(): void {
    let count = native.readable(this._index);
    while (count <= 0) {
      if (count < -WANT_OUTPUT) {
        this._fail();
        return;
      }
      if (!this._feed()) {
        // The session may have answered with an alert, such as to a request for another handshake.
        this._send();
        return;
      }
      count = native.readable(this._index);
    }
    this._readableBytes = count;
    this._options.onReadable?.(count);
  }

  private _reportWritable(): void {
    if (!this._isClosed && this._writableBytes > 0) this._options.onWritable?.(this._writableBytes);
  }

  /** Ends the connection; before the end of the handshake for a reason. */
  private _fail(reason?: string): void {
    const isHandshake = this._isTCPUp && !this._isReady;
    this.close();
    if (isHandshake) this._options.onHandshakeFailed?.(reason);
    this._options.onError?.();
  }
}
