import SDKListener from "embedded:io/socket/listener";
import SDKTCP from "embedded:io/socket/tcp";
import {
  type Bytes,
  type Clock,
  type Listener,
  type ListenerConstructor,
  type ListenerOptions,
  MAX_READ_BYTES,
  type TCP,
  type TCPConnectOptions,
  type TCPConstructor,
  type TCPFromOptions,
  type TCPHandlers,
} from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";
import { isIPv4 } from "./ipv4.js";
import { Pending } from "./pending.js";

/** Maximum number of TCP connections. lwIP has more (CONFIG_LWIP_MAX_ACTIVE_TCP), because closed ones linger there. */
const MAX_SOCKETS = 8;
/** Maximum number of connections that wait to be read from a listener. */
const BACKLOG = 2;
const MAX_PORT = 65_535;

/** lwIP's task, which shares the records of the SDK's sockets without a lock (firmware/boards/esp32/lwip/native.ts). */
export interface LwIPTask {
  hold(): void;
  release(): void;
  closeConnection(socket: object): void;
  remoteAddress(socket: object): string | undefined;
}

/** For sockets in the engine's own task. */
const NO_TASK: LwIPTask = {
  hold() {},
  release() {},
  closeConnection() {},
  remoteAddress: () => undefined,
};

export interface SocketParts {
  readonly clock: Clock;
  readonly guard: Guard;
  readonly lwip?: LwIPTask;
  readonly maxSockets?: number;
}

/** The number of open connections is shared by all sockets. */
interface Pool extends Required<SocketParts> {
  used: number;
}

/** A connection of the SDK, whose user may change. The SDK's callbacks cannot change, so they record events here. */
class Channel {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly native: SDKTCP;
  /** Number of bytes that wait to be read. */
  readable = 0;
  /** Number of bytes that `write` accepts; `undefined` until the connection is open. */
  writable: number | undefined;
  isOver = false;
  user: TCPHandlers = {};
  private readonly _pool: Pool;

  constructor(pool: Pool, target: { address: string; port: number; nodelay: boolean } | { from: SDKTCP }) {
    this._pool = pool;
    this.remotePort = "port" in target ? target.port : undefined;
    this.native = new SDKTCP({
      nodelay: true,
      ...target,
      onReadable: (count) => {
        this.readable = count;
        pool.guard.run(() => this.user.onReadable?.(count));
      },
      onWritable: (count) => {
        this.writable = count;
        pool.guard.run(() => this.user.onWritable?.(count));
      },
      onError: () => {
        this.isOver = true;
        this.reportOver();
      },
    });
    this.remoteAddress = "address" in target ? target.address : pool.lwip.remoteAddress(this.native);
    pool.used++;
  }

  /** Reports the end of the connection. No further event is reported. */
  reportOver(): void {
    const { user } = this;
    this.user = {};
    this._pool.guard.run(() => user.onError?.());
  }

  close(): void {
    this.user = {};
    closeSocket(this._pool, this.native);
    this._pool.used--;
  }
}

/**
 * Returns a limited number of sockets over the SDK's, which have the same interface as the port. Differences from the
 * SDK (`modules/io/socket/lwip/tcp.c`):
 *
 * - Without a network, the SDK's listener throws. This one waits for a network.
 * - The SDK does not notify a connection that waits in the listener of a reset, and uses it after lwIP has freed it.
 *   Here each connection is read from the SDK's listener at once, and waits with its callbacks set.
 * - The SDK loses bytes that arrive while a socket reads or takes a connection over, uses a connection that is reset
 *   while it writes, and closes one that lwIP has freed. Here lwIP's task is held meanwhile.
 * - `read` without a length returns at most 1 KB, and the rest is reported again: the SDK would allocate all of it.
 * - A write after the peer has closed throws in the SDK or returns `undefined`. Here it returns 0.
 * - The SDK reads the remote address of a closed connection from freed memory. Here a connection has the address that
 *   it connects to, or the one that lwIP has when the connection is accepted.
 * - Exceptions of callbacks go to the guard.
 */
export function makeSockets({ clock, guard, lwip = NO_TASK, maxSockets = MAX_SOCKETS }: SocketParts): {
  TCP: TCPConstructor;
  Listener: ListenerConstructor;
} {
  const pool: Pool = { clock, guard, lwip, maxSockets, used: 0 };
  return { TCP: withParts(ModdableTCP, pool), Listener: withParts(ModdableListener, pool) };
}

function connect(pool: Pool, { address, port, noDelay = false }: TCPConnectOptions): Channel {
  if (pool.used >= pool.maxSockets) throw new RangeError("no socket");
  if (!isIPv4(address)) throw new Error(`invalid address: ${address}`);
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) throw new RangeError(`invalid port: ${port}`);
  return new Channel(pool, { address, port, nodelay: noDelay });
}

class ModdableTCP implements TCP {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  private readonly _pool: Pool;
  private _channel: Channel | undefined;

  constructor(options: TCPConnectOptions | TCPFromOptions | { readonly accepted: Channel }, pool: Pool) {
    const channel =
      "accepted" in options
        ? options.accepted
        : "from" in options
          ? ModdableTCP._detach(options.from)
          : connect(pool, options);
    this._pool = pool;
    this._channel = channel;
    this.remoteAddress = channel.remoteAddress;
    this.remotePort = channel.remotePort;
    if ("accepted" in options) return;
    channel.user = options;
    if ("from" in options) pool.guard.soon(() => this._catchUp(channel));
  }

  private static _detach(from: TCP): Channel {
    if (!(from instanceof ModdableTCP) || !from._channel) throw new Error("invalid from");
    const channel = from._channel;
    from._channel = undefined;
    channel.user = {};
    return channel;
  }

  read(byteLength?: number): ArrayBuffer | undefined {
    const channel = this._living();
    const count = byteLength ?? Math.min(channel.readable, MAX_READ_BYTES);
    if (byteLength === undefined && count === 0) return undefined;
    const bytes = readFrom(this._pool, channel.native, count);
    channel.readable -= count;
    if (byteLength === undefined && channel.readable > 0)
      this._pool.guard.soon(() => this._announce(channel));
    return bytes;
  }

  write(data: Bytes): number {
    const channel = this._living();
    if (channel.writable === undefined) throw new Error("not ready");
    if (data.byteLength > channel.writable) throw new Error("would block");
    if (data.byteLength > 0) channel.writable = writeTo(this._pool, channel.native, data);
    return channel.writable;
  }

  close(): void {
    if (!this._channel) return;
    this._channel.close();
    this._channel = undefined;
  }

  /** Reports the events before the connection had its callbacks. */
  private _catchUp(channel: Channel): void {
    if (this._channel && channel.writable !== undefined) channel.user.onWritable?.(channel.writable);
    this._announce(channel);
    if (this._channel && channel.isOver) channel.reportOver();
  }

  /** Reports the bytes that a `read` has left. */
  private _announce(channel: Channel): void {
    if (this._channel && channel.readable > 0) channel.user.onReadable?.(channel.readable);
  }

  private _living(): Channel {
    if (!this._channel) throw new Error("the socket is closed");
    return this._channel;
  }
}

class ModdableListener implements Listener {
  private readonly _options: ListenerOptions;
  private readonly _pool: Pool;
  private readonly _native: Pending<SDKListener>;
  private _waiting: Channel[] = [];

  constructor(options: ListenerOptions, pool: Pool) {
    this._options = options;
    this._pool = pool;
    this._native = new Pending(pool.clock, () => this._listen());
  }

  /** The actual port; without a network, the port of the options. */
  get port(): number {
    return this._native.made?.port ?? this._options.port;
  }

  read(): TCP | undefined {
    const accepted = this._waiting.shift();
    return accepted && new ModdableTCP({ accepted }, this._pool);
  }

  close(): void {
    this._native.close();
    for (const channel of this._waiting) channel.close();
    this._waiting = [];
  }

  private _listen(): SDKListener | undefined {
    try {
      return new SDKListener({ port: this._options.port, onReadable: () => this._acceptAll() });
    } catch (error) {
      if (isNoNetwork(error)) return undefined;
      throw error;
    }
  }

  private _acceptAll(): void {
    // Each one is reported before the next, so that several that arrive together need no backlog.
    while (this._acceptNext()) {
      if (this._waiting.length > 0)
        this._pool.guard.run(() => this._options.onReadable?.(this._waiting.length));
    }
  }

  /** Reads a connection from the SDK's listener and takes it over. Returns `false` if none waits. */
  private _acceptNext(): boolean {
    const { lwip } = this._pool;
    lwip.hold();
    try {
      const accepted = this._native.made?.read();
      if (!accepted) return false;
      const channel = this._accept(accepted);
      if (channel) this._waiting.push(channel);
      else closeSocket(this._pool, accepted);
      return true;
    } finally {
      lwip.release();
    }
  }

  /** Returns `undefined` without a free socket, and if connection or network are lost: the SDK then throws. */
  private _accept(from: SDKTCP): Channel | undefined {
    const { used, maxSockets } = this._pool;
    if (used >= maxSockets || this._waiting.length >= BACKLOG) return undefined;
    try {
      return new Channel(this._pool, { from });
    } catch {
      return undefined;
    }
  }
}

/** Checks for the SDK's error without a network. A debug build appends the source location to the message. */
function isNoNetwork(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("no network");
}

function readFrom({ lwip }: Pool, native: SDKTCP, byteLength: number): ArrayBuffer | undefined {
  lwip.hold();
  try {
    return native.read(byteLength);
  } finally {
    lwip.release();
  }
}

/** Writes, and returns the number of bytes that fit now. After the peer has closed, the SDK throws or returns nothing. */
function writeTo({ lwip }: Pool, native: SDKTCP, data: Bytes): number {
  lwip.hold();
  try {
    return native.write(data) ?? 0;
  } catch {
    return 0;
  } finally {
    lwip.release();
  }
}

function closeSocket({ lwip }: Pool, native: SDKTCP): void {
  lwip.closeConnection(native);
  native.close();
}
