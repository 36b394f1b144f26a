import Resource from "Resource";
import Session, { type SSLSocket } from "ssl/session";
import type {
  Bytes,
  TCP,
  TCPConstructor,
  TLSConnectOptions,
  TLSConstructor,
} from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";

/** Resource with the manufacturer's certificate authority, DER. The manifests add the SDK's authorities. */
const OWN_AUTHORITY = "authority.der";
/** Version number of TLS 1.2. */
const PROTOCOL_VERSION = 0x303;
/** Maximum overhead of a record, bytes: header, iv, tag (RFC 5246 6.2.3). */
const RECORD_OVERHEAD_BYTES = 96;

export interface TLSParts {
  readonly TCP: TCPConstructor;
  readonly guard: Guard;
}

/**
 * Returns TLS over the SDK's `ssl/session`. The SDK throws on an invalid certificate or record; here that ends the
 * connection, not the firmware.
 */
export function makeTLS(parts: TLSParts): TLSConstructor {
  return withParts(ModdableTLS, parts);
}

class ModdableTLS implements TCP {
  readonly remoteAddress: string;
  readonly remotePort: number;
  private readonly _options: TLSConnectOptions;
  private readonly _parts: TLSParts;
  private readonly _session: Session;
  private readonly _carrier: SSLSocket;
  private readonly _socket: TCP;
  private _isTCPUp = false;
  private _isReady = false;
  private _isClosed = false;
  private _received: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(options: TLSConnectOptions, parts: TLSParts) {
    this._options = options;
    this._parts = parts;
    this.remoteAddress = options.address;
    this.remotePort = options.port;
    this._session = new Session({
      serverName: options.host,
      protocolVersion: PROTOCOL_VERSION,
      ...(Resource.exists(OWN_AUTHORITY) && { certificate: new Resource(OWN_AUTHORITY) }),
    });
    this._session.initiateHandshake();
    this._carrier = this._makeCarrier();
    this._socket = new parts.TCP({
      address: options.address,
      port: options.port,
      noDelay: options.noDelay,
      onReadable: (count) => {
        this._carrier.readable = count;
        this._advance();
      },
      onWritable: (count) => {
        this._carrier.writable = count;
        this._isTCPUp = true;
        if (this._isReady) this._reportWritable();
        else this._advance();
      },
      onError: () => this._fail(),
    });
  }

  read(byteLength = this._received.length): ArrayBuffer | undefined {
    if (this._received.length === 0) return undefined;
    if (!(byteLength > 0 && byteLength <= this._received.length)) throw new Error("invalid");
    const piece = this._received.slice(0, byteLength);
    this._received = this._received.slice(byteLength);
    // The session may have further records.
    if (this._received.length === 0) this._parts.guard.soon(() => this._advance());
    return piece.buffer;
  }

  write(data: Bytes): number {
    if (this._isClosed) throw new Error("the socket is closed");
    if (!this._isReady) throw new Error("not ready");
    if (data.byteLength > this._writableBytes) throw new Error("would block");
    if (data.byteLength > 0) this._session.write(this._carrier, data);
    return this._writableBytes;
  }

  close(): void {
    this._isClosed = true;
    this._socket.close();
  }

  private get _writableBytes(): number {
    return Math.max(0, this._carrier.writable - RECORD_OVERHEAD_BYTES);
  }

  private _makeCarrier(): SSLSocket {
    const carrier: SSLSocket = {
      readable: 0,
      writable: 0,
      read: (into) => {
        into.set(new Uint8Array(this._socket.read(into.length) ?? new ArrayBuffer(0)));
      },
      write: (data) => this._socket.write(data),
    };
    return carrier;
  }

  private _advance(): void {
    if (this._isClosed || !this._isTCPUp) return;
    try {
      if (!this._isReady) this._shakeHands();
      if (this._isReady) this._receive();
    } catch {
      this._fail();
    }
  }

  private _shakeHands(): void {
    // Each step reads one message or sends the messages that follow from the last one.
    for (let isMore = true; isMore; ) {
      const hadInput = this._carrier.readable > 0;
      if (this._session.handshake(this._carrier)) {
        if (this._session.alert) throw new Error("the handshake failed");
        this._isReady = true;
        this._reportWritable();
        return;
      }
      isMore = hadInput;
    }
  }

  private _receive(): void {
    if (this._received.length > 0) return;
    const data = this._session.read(this._carrier);
    if (data === null) this._fail();
    else if (data && data.length > 0) {
      this._received = data.slice();
      this._options.onReadable?.(this._received.length);
    }
  }

  private _reportWritable(): void {
    if (this._writableBytes > 0) this._options.onWritable?.(this._writableBytes);
  }

  private _fail(): void {
    if (this._isClosed) return;
    this.close();
    if (this._isTCPUp && !this._isReady) this._options.onHandshakeFailed?.();
    this._options.onError?.();
  }
}
