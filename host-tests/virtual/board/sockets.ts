import { withParts } from "../../../firmware/boards/with-parts.js";
import {
  type Bytes,
  type Listener,
  type ListenerConstructor,
  type ListenerOptions,
  MAX_READ_BYTES,
  type TCP,
  type TCPConnectOptions,
  type TCPConstructor,
  type TCPFromOptions,
  type TCPHandlers,
  type TLSConnectOptions,
  type TLSConstructor,
} from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import type { Endpoint } from "../world/connection.js";
import { type Host, isIPv4, type ListeningPort } from "../world/network.js";
import type { FirmwareRun } from "./firmware-run.js";

export interface SocketOptions {
  /** Maximum number of TCP connections, without listeners (lwIP: CONFIG_LWIP_MAX_SOCKETS). */
  readonly maxSockets?: number;
  /** Size of a send buffer, bytes (lwIP: TCP_SND_BUF). */
  readonly sendBufferBytes?: number;
}

export interface WorldListenerOptions extends ListenerOptions {
  /** Name in the certificate of a port that accepts only TLS. Only servers of the world have such ports. */
  readonly certificateName?: string;
}

export interface Sockets {
  readonly TCP: TCPConstructor;
  readonly TLS: TLSConstructor;
  readonly Listener: ListenerConstructor & (new (options: WorldListenerOptions) => Listener);
}

/** Options for a connection that a listener accepted. */
interface AcceptedOptions extends TCPHandlers {
  readonly accepted: Endpoint;
}

export const MAX_SOCKETS = 8;
export const SEND_BUFFER_BYTES = 8192;
/** Maximum number of connections queued at a listener, as in the SDK's lwIP listener. */
export const BACKLOG = 5;

/** Common state of the sockets of one host. */
interface Pool {
  readonly host: Host;
  readonly firmware: FirmwareRun;
  readonly maxSockets: number;
  readonly bufferBytes: number;
  used: number;
}

/** Makes the sockets of one host, for the firmware that runs on it or for a server of the world. */
export function makeSockets(host: Host, firmware: FirmwareRun, options: SocketOptions = {}): Sockets {
  const pool: Pool = {
    host,
    firmware,
    maxSockets: options.maxSockets ?? MAX_SOCKETS,
    bufferBytes: options.sendBufferBytes ?? SEND_BUFFER_BYTES,
    used: 0,
  };
  return {
    TCP: withParts<TCPConnectOptions | TCPFromOptions, Pool, TCP>(VirtualTCP, pool),
    TLS: withParts(VirtualTLS, pool),
    Listener: withParts<WorldListenerOptions, Pool, Listener>(VirtualListener, pool),
  };
}

function open({ host, bufferBytes }: Pool, { address, port }: TCPConnectOptions, tlsHost?: string): Endpoint {
  if (!isIPv4(address)) throw new Error(`invalid address: ${address}`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError(`invalid port: ${port}`);
  if (!host.hasRouteTo(address)) throw new Error("connect error");
  return host.connect({ address, port, tlsHost, bufferBytes });
}

class VirtualTCP implements TCP {
  readonly #pool: Pool;
  #endpoint: Endpoint | undefined;
  readonly #handlers: TCPHandlers & { onHandshakeFailed?(): void };
  #release: () => void;

  constructor(options: TCPConnectOptions | TCPFromOptions | AcceptedOptions, pool: Pool, tlsHost?: string) {
    const { firmware } = pool;
    this.#pool = pool;
    this.#handlers = options;
    const endpoint = VirtualTCP.#endpointOf(options, pool, tlsHost);
    pool.used++;
    this.#endpoint = endpoint;
    this.#release = firmware.hold(() => {
      pool.used--;
      // Another instance may have taken over the connection.
      if (firmware.isOver) this.#endpoint?.abandon();
      else this.#endpoint?.close();
      this.#endpoint = undefined;
    });
    endpoint.user = {
      opened: () => this.#call(() => this.#handlers.onWritable?.(endpoint.writableBytes)),
      readable: () => this.#call(() => this.#handlers.onReadable?.(endpoint.readableBytes)),
      writable: () => this.#call(() => this.#handlers.onWritable?.(endpoint.writableBytes)),
      over: () => this.#call(() => this.#handlers.onError?.()),
      handshakeFailed: () => this.#call(() => this.#handlers.onHandshakeFailed?.()),
    };
    if ("from" in options) this.#catchUp(endpoint);
  }

  static #endpointOf(
    options: TCPConnectOptions | TCPFromOptions | AcceptedOptions,
    pool: Pool,
    tlsHost: string | undefined,
  ): Endpoint {
    if ("from" in options) return VirtualTCP.#detach(options.from);
    if (pool.used >= pool.maxSockets) throw new RangeError("no socket");
    return "accepted" in options ? options.accepted : open(pool, options, tlsHost);
  }

  static #detach(from: TCP): Endpoint {
    if (!(from instanceof VirtualTCP) || !from.#endpoint) throw new Error("invalid from");
    const endpoint = from.#endpoint;
    from.#endpoint = undefined;
    from.#release();
    endpoint.user = undefined;
    return endpoint;
  }

  get remoteAddress(): string | undefined {
    return this.#endpoint?.remote.address;
  }

  get remotePort(): number | undefined {
    return this.#endpoint?.remote.port;
  }

  read(byteLength?: number): ArrayBuffer | undefined {
    const endpoint = this.#living();
    const waiting = endpoint.readableBytes;
    if (waiting === 0) return undefined;
    const count = byteLength ?? Math.min(waiting, MAX_READ_BYTES);
    if (!(count > 0 && count <= waiting)) throw new Error("invalid");
    const bytes = endpoint.read(count).buffer;
    if (byteLength === undefined && endpoint.readableBytes > 0)
      this.#pool.firmware.soon(() => this.#announce(endpoint));
    return bytes;
  }

  write(data: Bytes): number {
    const endpoint = this.#living();
    if (endpoint.hasEnded) return 0;
    if (!endpoint.isOpen) throw new Error("not ready");
    const bytes = asUint8Array(data);
    if (bytes.length > endpoint.writableBytes) throw new Error("would block");
    if (bytes.length > 0) endpoint.write(bytes);
    return endpoint.writableBytes;
  }

  close(): void {
    this.#release();
  }

  /** Reports events that occurred before the callbacks were registered. */
  #catchUp(endpoint: Endpoint): void {
    this.#pool.firmware.soon(() => {
      if (this.#endpoint && endpoint.isOpen) this.#handlers.onWritable?.(endpoint.writableBytes);
      this.#announce(endpoint);
      if (this.#endpoint && endpoint.isOver) this.#handlers.onError?.();
    });
  }

  #announce(endpoint: Endpoint): void {
    if (this.#endpoint && endpoint.readableBytes > 0) this.#handlers.onReadable?.(endpoint.readableBytes);
  }

  #call(callback: () => void): void {
    if (this.#endpoint) this.#pool.firmware.run(callback);
  }

  #living(): Endpoint {
    if (!this.#endpoint) throw new Error("the socket is closed");
    return this.#endpoint;
  }
}

class VirtualTLS extends VirtualTCP {
  constructor(options: TLSConnectOptions, pool: Pool) {
    super(options, pool, options.host);
  }
}

class VirtualListener implements Listener {
  readonly #pool: Pool;
  readonly #port: ListeningPort;
  readonly #waiting: Endpoint[] = [];
  readonly #release: () => void;

  constructor(options: WorldListenerOptions, pool: Pool) {
    const { host, firmware } = pool;
    this.#pool = pool;
    this.#port = host.listen({
      port: options.port,
      certificateName: options.certificateName,
      take: (endpoint) => {
        if (this.#waiting.length >= BACKLOG || pool.used + this.#waiting.length >= pool.maxSockets)
          return false;
        this.#waiting.push(endpoint);
        firmware.soon(() => {
          if (this.#waiting.length > 0) options.onReadable?.(this.#waiting.length);
        });
        return true;
      },
    });
    this.#release = firmware.hold(() => {
      host.unlisten(this.#port.port);
      for (const endpoint of this.#waiting) {
        if (firmware.isOver) endpoint.abandon();
        else endpoint.reset();
      }
      this.#waiting.length = 0;
    });
  }

  get port(): number {
    return this.#port.port;
  }

  read(): TCP | undefined {
    const endpoint = this.#waiting.shift();
    return endpoint && new VirtualTCP({ accepted: endpoint }, this.#pool);
  }

  close(): void {
    this.#release();
  }
}
