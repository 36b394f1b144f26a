import type { Clock, IO, TCP, Timer, TLSConnectOptions } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { encodePacket, type IncomingPacket, type OutgoingPacket, PacketReader } from "./codec.js";
import type { MQTTFailure } from "./failure.js";

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly resolve: (host: string, done: (address: string | undefined) => void) => void;
  /** Opens a socket: TCP, or TLS to `host`. */
  readonly connect: (options: TLSConnectOptions) => TCP;
  readonly host: string;
  readonly port: number;
  readonly maxPacketBytes: number;
  /** TCP, and TLS, are up. */
  readonly onOpen: () => void;
  readonly onPacket: (packet: IncomingPacket) => void;
  /** Bytes have arrived, also such as complete no packet. */
  readonly onReceived: () => void;
  /** Everything that was sent has gone to the socket. */
  readonly onDrained: () => void;
  /** Once, and nothing after it. */
  readonly onFailed: (failure: MQTTFailure) => void;
}

/** Name look-up and TCP (and TLS) together. */
const OPEN_TIMEOUT_MS = 10_000;
/** While more than this waits to be sent, nothing is read: a broker that does not listen is not listened to. */
const MAX_UNSENT_BYTES = 8192;

/** One connection to a broker: packets in, packets out, in the pieces that the socket takes. */
export class Connection implements IO {
  private _options: ConnectionOptions;
  private _reader: PacketReader;
  private _socket: TCP | undefined;
  private _timer: Timer | undefined;
  private _isOpen = false;
  private _isClosed = false;
  private _unsent: Uint8Array<ArrayBuffer>[] = [];
  private _unsentBytes = 0;
  private _writableBytes = 0;

  constructor(options: ConnectionOptions) {
    this._options = options;
    this._reader = new PacketReader({ maxPacketBytes: options.maxPacketBytes });
    const { clock, host, port } = options;
    this._timer = clock.set(
      () => this._fail("broker-unreachable", `${host} port ${port} does not answer`),
      OPEN_TIMEOUT_MS,
    );
    options.resolve(host, (address) => {
      if (this._isClosed) return;
      if (address === undefined) this._fail("host-not-found", `the name ${host} has no address`);
      else this._open(address);
    });
  }

  /** Bytes that wait for the socket. */
  get unsentBytes(): number {
    return this._unsentBytes;
  }

  /** A message that is too long is arriving; whatever the broker has sent since waits behind it. */
  get isSkipping(): boolean {
    return this._reader.isSkipping;
  }

  send(packet: OutgoingPacket): void {
    if (this._isClosed) return;
    const bytes = encodePacket(packet);
    this._unsent.push(bytes);
    this._unsentBytes += bytes.length;
    this._flush();
  }

  /** What was sent and is still here is lost; what the socket has taken still goes out. */
  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    this._options.clock.clear(this._timer);
    this._socket?.close();
    this._unsent = [];
    this._unsentBytes = 0;
  }

  private _open(address: string): void {
    const { host, port } = this._options;
    try {
      this._socket = this._options.connect({
        address,
        port,
        host,
        noDelay: true,
        onHandshakeFailed: () =>
          this._fail(
            "tls-failed",
            `the TLS handshake with ${host} failed: check the name, the dates and the authority of its certificate`,
          ),
        onWritable: (count) => this._becomeWritable(count),
        onReadable: () => this._receive(),
        onError: () => this._lose(),
      });
    } catch {
      // Sockets are a resource that runs out; an address comes from a resolver. Neither may end the station. The
      // text of the exception is the engine's and is not passed on: owners read the message.
      this._fail("no-socket", `the station has no free connection for ${host} port ${port}; try again`);
    }
  }

  private _becomeWritable(count: number): void {
    this._writableBytes = count;
    if (!this._isOpen) {
      this._isOpen = true;
      this._options.clock.clear(this._timer);
      this._options.onOpen();
      return;
    }
    this._flush();
    this._receive();
    if (!this._isClosed && this._unsentBytes === 0) this._options.onDrained();
  }

  private _flush(): void {
    if (!this._socket) return;
    for (let first = this._unsent[0]; first && this._writableBytes > 0; first = this._unsent[0]) {
      const piece = first.subarray(0, this._writableBytes);
      this._writableBytes = this._socket.write(piece);
      this._unsentBytes -= piece.length;
      if (piece.length === first.length) this._unsent.shift();
      else this._unsent[0] = first.subarray(piece.length);
    }
  }

  private _receive(): void {
    if (this._isClosed || this._unsentBytes > MAX_UNSENT_BYTES) return;
    const bytes = this._socket?.read();
    if (!bytes) return;
    this._options.onReceived();
    const { packets, error } = this._reader.push(asUint8Array(bytes));
    for (const packet of packets) {
      if (this._isClosed) return;
      this._options.onPacket(packet);
    }
    if (error !== undefined) this._fail("protocol-error", error);
  }

  private _lose(): void {
    const { host, port } = this._options;
    if (this._isOpen) this._fail("connection-lost", `the connection to ${host} port ${port} ended`);
    else this._fail("broker-unreachable", `${host} port ${port} refused the connection`);
  }

  private _fail(code: MQTTFailure["code"], message: string): void {
    if (this._isClosed) return;
    this.close();
    this._options.onFailed({ code, message });
  }
}
