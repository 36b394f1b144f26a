import { createPrivateKey, X509Certificate } from "node:crypto";
import { connect as connectTCP, createServer, isIPv4, type Server, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect as connectTLS,
  createSecureContext,
  rootCertificates,
  type SecureContext,
} from "node:tls";
import { withParts } from "../../../firmware/boards/with-parts.js";
import type {
  Bytes,
  Listener,
  ListenerConstructor,
  ListenerOptions,
  TCP,
  TCPConnectOptions,
  TCPConstructor,
  TCPFromOptions,
  TCPHandlers,
  TLSConnectOptions,
  TLSConstructor,
} from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import type { ClientCertificate } from "../../../modules/settings/index.js";
import type { FirmwareRun } from "../board/index.js";
import { BACKLOG, MAX_SOCKETS, SEND_BUFFER_BYTES, type SocketOptions } from "../board/sockets.js";
import { NodeStream } from "./stream.js";

export interface NodeSocketOptions extends SocketOptions {
  /** Maps a port of the chip (80, 443) to the real port. Default: the same port. */
  readonly portOf?: (port: number) => number;
  /** Called when a listener is open, with the real port for the chip's port. */
  readonly onListening?: (port: number, realPort: number) => void;
  /** Certificate for servers that ask for one. */
  readonly clientCertificate?: () => ClientCertificate | undefined;
  /** Certificate authorities in PEM. TLS trusts them in addition to Node's own. */
  readonly ca?: string;
}

export interface NodeSockets {
  readonly TCP: TCPConstructor;
  readonly TLS: TLSConstructor;
  readonly Listener: ListenerConstructor;
}

const LOOPBACK = "127.0.0.1";

/** Common state of the sockets of one run. */
class Pool {
  readonly firmware: FirmwareRun;
  readonly options: NodeSocketOptions;
  readonly maxSockets: number;
  readonly bufferBytes: number;
  used = 0;
  #secureContext: SecureContext | undefined;

  constructor(firmware: FirmwareRun, options: NodeSocketOptions) {
    this.firmware = firmware;
    this.options = options;
    this.maxSockets = options.maxSockets ?? MAX_SOCKETS;
    this.bufferBytes = options.sendBufferBytes ?? SEND_BUFFER_BYTES;
  }

  openTCP({ address, port }: Target): NodeStream {
    const { bufferBytes } = this;
    return new NodeStream(connectTCP({ host: address, port }), { bufferBytes, opensWith: "connect" });
  }

  openTLS({ address, port }: Target, host: string): NodeStream {
    const { ca, clientCertificate } = this.options;
    // Parsing all authorities takes milliseconds, so it is done once. `ca` alone would replace Node's own.
    this.#secureContext ??= createSecureContext({
      ca: [...rootCertificates, ...(ca === undefined ? [] : [ca])],
      ...inPEM(clientCertificate?.()),
    });
    const socket = connectTLS({
      host: address,
      port,
      secureContext: this.#secureContext,
      // A name is sent as SNI; an address must not be (RFC 6066 3).
      servername: isIPv4(host) ? "" : host,
      // The certificate must be for the requested name or address, also where no SNI is sent.
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
      // NODE_TLS_REJECT_UNAUTHORIZED=0 must not disable the checks: the chip has no such switch.
      rejectUnauthorized: true,
    });
    return new NodeStream(socket, { bufferBytes: this.bufferBytes, opensWith: "secureConnect" });
  }
}

/** Node takes certificates and keys as PEM only. */
function inPEM(own: ClientCertificate | undefined): { cert: string; key: string | Buffer } | undefined {
  if (!own) return undefined;
  const key = createPrivateKey({ key: Buffer.from(own.key), format: "der", type: "pkcs8" });
  return {
    cert: new X509Certificate(Buffer.from(own.certificate)).toString(),
    key: key.export({ format: "pem", type: "pkcs8" }),
  };
}

/** Makes the sockets for one run of the firmware, on Node's sockets and with the chip's limits. */
export function makeNodeSockets(firmware: FirmwareRun, options: NodeSocketOptions = {}): NodeSockets {
  const pool = new Pool(firmware, options);
  return {
    TCP: withParts<TCPConnectOptions | TCPFromOptions, Pool, TCP>(NodeTCP, pool),
    TLS: withParts(NodeTLS, pool),
    Listener: withParts(NodeListener, pool),
  };
}

class NodeTCP implements TCP {
  readonly #pool: Pool;
  #stream: NodeStream | undefined;
  #release: () => void;

  constructor(
    options: TCPConnectOptions | TCPFromOptions | AcceptedOptions,
    pool: Pool,
    open: Opener = (to) => pool.openTCP(to),
  ) {
    const { firmware } = pool;
    const stream = NodeTCP.#streamOf(options, pool, open);
    pool.used++;
    this.#pool = pool;
    this.#stream = stream;
    this.#release = firmware.hold(() => {
      pool.used--;
      stream.close();
    });
    stream.use({
      run: (callback) => firmware.run(callback),
      onReadable: (count) => options.onReadable?.(count),
      onWritable: (count) => options.onWritable?.(count),
      onError: () => options.onError?.(),
      onHandshakeFailed: () => (options as TCPHandlers & Partial<TLSConnectOptions>).onHandshakeFailed?.(),
    });
  }

  static #streamOf(
    options: TCPConnectOptions | TCPFromOptions | AcceptedOptions,
    pool: Pool,
    open: Opener,
  ): NodeStream {
    if ("from" in options) return NodeTCP.#detach(options.from);
    if (pool.used >= pool.maxSockets) throw new RangeError("no socket");
    if ("accepted" in options) return options.accepted;
    if (!isIPv4(options.address)) throw new Error(`invalid address: ${options.address}`);
    if (!Number.isInteger(options.port) || options.port < 0 || options.port > 65_535) {
      throw new RangeError(`invalid port: ${options.port}`);
    }
    return open(options);
  }

  static #detach(from: TCP): NodeStream {
    if (!(from instanceof NodeTCP) || !from.#stream) throw new Error("invalid from");
    const stream = from.#stream;
    from.#stream = undefined;
    from.#release = () => {};
    from.#pool.used--;
    return stream;
  }

  get remoteAddress(): string | undefined {
    return this.#stream?.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#stream?.remotePort;
  }

  read(byteLength?: number): ArrayBuffer | undefined {
    return this.#living().read(byteLength);
  }

  write(data: Bytes): number {
    return this.#living().write(asUint8Array(data));
  }

  close(): void {
    this.#stream = undefined;
    this.#release();
  }

  #living(): NodeStream {
    if (!this.#stream) throw new Error("the socket is closed");
    return this.#stream;
  }
}

class NodeTLS extends NodeTCP {
  constructor(options: TLSConnectOptions, pool: Pool) {
    super(options, pool, (to) => pool.openTLS(to, options.host));
  }
}

class NodeListener implements Listener {
  readonly #pool: Pool;
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  readonly #release: () => void;

  constructor(listener: ListenerOptions, pool: Pool) {
    const { options, firmware } = pool;
    this.#pool = pool;
    const realPort = options.portOf?.(listener.port) ?? listener.port;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket, listener));
    // Node reports a port in use asynchronously. The firmware then ends as on the chip.
    this.#server.once("error", (error) => firmware.end({ type: "crash", error }));
    this.#server.listen({ port: realPort, host: LOOPBACK }, () => {
      options.onListening?.(listener.port, this.port);
    });
    this.#release = firmware.hold(() => {
      this.#server.close();
      for (const socket of this.#waiting) socket.resetAndDestroy();
    });
  }

  /** Real port; 0 until Node has opened the listener. */
  get port(): number {
    return portOf(this.#server);
  }

  read(): TCP | undefined {
    const socket = this.#waiting.shift();
    const { bufferBytes } = this.#pool;
    const accepted = socket && new NodeStream(socket, { bufferBytes, opensWith: undefined });
    return accepted && new NodeTCP({ accepted }, this.#pool);
  }

  close(): void {
    this.#release();
  }

  #accept(socket: Socket, { onReadable }: ListenerOptions): void {
    const { firmware, used, maxSockets } = this.#pool;
    if (this.#waiting.length >= BACKLOG || used + this.#waiting.length >= maxSockets) {
      socket.resetAndDestroy();
      return;
    }
    this.#waiting.push(socket);
    firmware.run(() => onReadable?.(this.#waiting.length));
  }
}

export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

interface Target {
  readonly address: string;
  readonly port: number;
}

type Opener = (to: Target) => NodeStream;

/** Options for a connection that a listener accepted. */
interface AcceptedOptions extends TCPHandlers {
  readonly accepted: NodeStream;
}
