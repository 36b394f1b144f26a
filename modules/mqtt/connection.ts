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
  #options: ConnectionOptions;
  #reader: PacketReader;
  #socket: TCP | undefined;
  #timer: Timer | undefined;
  #isOpen = false;
  #isClosed = false;
  #unsent: Uint8Array<ArrayBuffer>[] = [];
  #unsentBytes = 0;
  #writableBytes = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#reader = new PacketReader({ maxPacketBytes: options.maxPacketBytes });
    const { clock, host, port } = options;
    this.#timer = clock.set(
      () => this.#fail("broker-unreachable", `${host} port ${port} does not answer`),
      OPEN_TIMEOUT_MS,
    );
    options.resolve(host, (address) => {
      if (this.#isClosed) return;
      if (address === undefined) this.#fail("host-not-found", `the name ${host} has no address`);
      else this.#open(address);
    });
  }

  /** Bytes that wait for the socket. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  send(packet: OutgoingPacket): void {
    if (this.#isClosed) return;
    const bytes = encodePacket(packet);
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    this.#flush();
  }

  /** What was sent and is still here is lost; what the socket has taken still goes out. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.clock.clear(this.#timer);
    this.#socket?.close();
    this.#unsent = [];
    this.#unsentBytes = 0;
  }

  #open(address: string): void {
    const { host, port } = this.#options;
    try {
      this.#socket = this.#options.connect({
        address,
        port,
        host,
        noDelay: true,
        onHandshakeFailed: () => this.#fail("tls-failed", `the TLS handshake with ${host} failed`),
        onWritable: (count) => this.#becomeWritable(count),
        onReadable: () => this.#receive(),
        onError: () => this.#lose(),
      });
    } catch (error) {
      // Sockets are a resource that runs out; an address comes from a resolver. Neither may end the station.
      const why = error instanceof Error ? error.message : "unknown";
      this.#fail("no-socket", `no socket for ${host} port ${port}: ${why}`);
    }
  }

  #becomeWritable(count: number): void {
    this.#writableBytes = count;
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#options.clock.clear(this.#timer);
      this.#options.onOpen();
      return;
    }
    this.#flush();
    this.#receive();
    if (!this.#isClosed && this.#unsentBytes === 0) this.#options.onDrained();
  }

  #flush(): void {
    if (!this.#socket) return;
    for (let first = this.#unsent[0]; first && this.#writableBytes > 0; first = this.#unsent[0]) {
      const piece = first.subarray(0, this.#writableBytes);
      this.#writableBytes = this.#socket.write(piece);
      this.#unsentBytes -= piece.length;
      if (piece.length === first.length) this.#unsent.shift();
      else this.#unsent[0] = first.subarray(piece.length);
    }
  }

  #receive(): void {
    if (this.#isClosed || this.#unsentBytes > MAX_UNSENT_BYTES) return;
    const bytes = this.#socket?.read();
    if (!bytes) return;
    const { packets, error } = this.#reader.push(asUint8Array(bytes));
    for (const packet of packets) {
      if (this.#isClosed) return;
      this.#options.onPacket(packet);
    }
    if (error !== undefined) this.#fail("protocol-error", error);
  }

  #lose(): void {
    const { host, port } = this.#options;
    if (this.#isOpen) this.#fail("connection-lost", `the connection to ${host} port ${port} ended`);
    else this.#fail("broker-unreachable", `${host} port ${port} refused the connection`);
  }

  #fail(code: MQTTFailure["code"], message: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.onFailed({ code, message });
  }
}
