import type { Board, IO, TCP, Timer } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { CLOCK_UNKNOWN_MESSAGE, TimeWait } from "../wall-clock/index.js";
import { encodePacket, type IncomingPacket, type OutgoingPacket, PacketReader } from "./codec.js";
import type { MQTTFailure } from "./failure.js";

export interface ConnectionOptions {
  readonly board: Pick<Board, "clock" | "resolve"> & { readonly io: Pick<Board["io"], "TCP" | "TLS"> };
  readonly host: string;
  readonly port: number;
  /** `true`: TLS to `host`. */
  readonly tls: boolean;
  /** Highest packet length. A longer PUBLISH is skipped; any other longer packet ends the connection. */
  readonly maxPacketBytes?: number;
}

export interface ConnectionListener {
  /** TCP (and TLS) is connected. */
  handleOpen(): void;
  handlePacket(packet: IncomingPacket): void;
  /** Bytes have arrived, with or without a complete packet. */
  handleReceived(): void;
  /** The socket has accepted everything that was sent. */
  handleSent(): void;
  /** The connection has failed. Called once; no call follows. */
  handleFailure(failure: MQTTFailure): void;
}

const MAX_PACKET_BYTES = 16_384;

/** Time for name resolution, TCP and TLS together, ms. */
const OPEN_TIMEOUT_MS = 10_000;
/** Reading pauses while more than this is unsent, bytes. It limits the answers to a broker that does not read. */
const MAX_UNSENT_BYTES = 8192;

/** Hint where the board gives no reason of a failed handshake. */
const CHECK_CERTIFICATE = "check the name, the dates and the authority of its certificate";

/** One connection to a broker. It converts between packets and the pieces of bytes that the socket transfers. */
export class Connection implements IO {
  private readonly _options: ConnectionOptions;
  private readonly _listener: ConnectionListener;
  private readonly _reader: PacketReader;
  private _wait: IO | undefined;
  private _socket: TCP | undefined;
  private _timer: Timer | undefined;
  private _isOpen = false;
  private _isClosed = false;
  private _unsent: Uint8Array<ArrayBuffer>[] = [];
  private _unsentBytes = 0;
  private _writableBytes = 0;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this._options = options;
    this._listener = listener;
    const { board, tls, maxPacketBytes = MAX_PACKET_BYTES } = options;
    this._reader = new PacketReader({ maxPacketBytes });
    if (tls && board.clock.epochMs() === undefined) this._awaitTime();
    else this._resolve();
  }

  /** Number of bytes that the socket has not accepted yet. */
  get unsentBytes(): number {
    return this._unsentBytes;
  }

  /** Whether a too long message is arriving. Later packets of the broker are queued behind it. */
  get isSkipping(): boolean {
    return this._reader.isSkipping;
  }

  /** Sends a packet, in pieces as the socket accepts them. */
  send(packet: OutgoingPacket): void {
    if (this._isClosed) return;
    const bytes = encodePacket(packet);
    this._unsent.push(bytes);
    this._unsentBytes += bytes.length;
    this._flush();
  }

  /** Closes the connection and discards unsent bytes. The socket still sends bytes that it has accepted. */
  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    this._clearTimer();
    this._wait?.close();
    this._socket?.close();
    this._unsent = [];
    this._unsentBytes = 0;
  }

  private _awaitTime(): void {
    this._wait = new TimeWait(this._options.board.clock, (isKnown) => {
      if (isKnown) this._resolve();
      else this._fail("clock-unknown", CLOCK_UNKNOWN_MESSAGE);
    });
  }

  private _resolve(): void {
    const { board, host, port } = this._options;
    this._timer = board.clock.set(
      () => this._fail("broker-unreachable", `${host} port ${port} does not answer`),
      OPEN_TIMEOUT_MS,
    );
    board.resolve(host, (address) => {
      if (this._isClosed) return;
      if (address === undefined) this._fail("host-not-found", `the name ${host} has no address`);
      else this._open(address);
    });
  }

  private _clearTimer(): void {
    this._options.board.clock.clear(this._timer);
    this._timer = undefined;
  }

  private _open(address: string): void {
    const { board, host, port, tls } = this._options;
    const Socket = tls ? board.io.TLS : board.io.TCP;
    try {
      this._socket = new Socket({
        address,
        port,
        host,
        noDelay: true,
        onHandshakeFailed: (why = CHECK_CERTIFICATE) =>
          this._fail("tls-failed", `the TLS handshake with ${host} failed: ${why}`),
        onWritable: (count) => this._handleWritable(count),
        onReadable: () => this._receive(),
        onError: () => this._handleError(),
      });
    } catch {
      // Exhausted sockets and a bad address from the resolver must not end the station. The exception's text is the
      // engine's and not suitable for the owner.
      this._fail("no-socket", `the station has no free connection for ${host} port ${port}; try again`);
    }
  }

  private _handleWritable(count: number): void {
    this._writableBytes = count;
    if (!this._isOpen) {
      this._isOpen = true;
      this._clearTimer();
      this._listener.handleOpen();
      return;
    }
    this._flush();
    this._receive();
    if (!this._isClosed && this._unsentBytes === 0) this._listener.handleSent();
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
    this._listener.handleReceived();
    const { packets, error } = this._reader.push(asUint8Array(bytes));
    for (const packet of packets) {
      if (this._isClosed) return;
      this._listener.handlePacket(packet);
    }
    if (error !== undefined) this._fail("protocol-error", error);
  }

  private _handleError(): void {
    const { host, port } = this._options;
    if (this._isOpen) this._fail("connection-lost", `the connection to ${host} port ${port} ended`);
    else this._fail("broker-unreachable", `${host} port ${port} refused the connection`);
  }

  private _fail(code: MQTTFailure["code"], message: string): void {
    if (this._isClosed) return;
    this.close();
    this._listener.handleFailure({ code, message });
  }
}
