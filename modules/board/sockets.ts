import type { Bytes, IO } from "./io.js";

/**
 * A TCP connection, as `embedded:io/socket/tcp` (ECMA-419, TCP class pattern; SDK: `modules/io/socket/lwip/tcp.c`).
 *
 * - `onWritable(count)` says for the first time that the connection is open, and then each time there is room
 *   again after a write; `count` is how many bytes `write` takes now.
 * - `onReadable(count)` says that `count` bytes wait. It comes again only when more have arrived, so read all of
 *   them or remember that some are left.
 * - `onError` says that the connection is over: refused, reset, or ended by the peer with everything read. The
 *   chip gives no reason, so a caller MUST NOT need one. Nothing is called after it.
 */
export interface TCP extends IO {
  /** `undefined` where the board does not know it: the chip, of a connection that a `Listener` gave. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** `undefined` when nothing waits. Throws when `byteLength` is over what waits, or not positive. */
  read(byteLength?: number): ArrayBuffer | undefined;
  /**
   * Takes all of `data` or throws (`would block`, `not ready`). Returns how many bytes fit now. After the peer has
   * ended or reset the connection, and before `onError` says so, there is nobody to send to: it returns 0.
   */
  write(data: Bytes): number;
}

export interface TCPHandlers {
  onReadable?(count: number): void;
  onWritable?(count: number): void;
  onError?(error?: Error): void;
}

export interface TCPConnectOptions extends TCPHandlers {
  /** An IPv4 address; names go through `Board.resolve`. */
  address: string;
  port: number;
  noDelay?: boolean;
}

/**
 * Takes over a connection that a `Listener` gave (or any other); the instance given is closed by that. What happened
 * before, the connection's end too, is told again.
 */
export interface TCPFromOptions extends TCPHandlers {
  from: TCP;
  noDelay?: boolean;
}

/**
 * Throws when the board's sockets are used up (`no socket`), when the address is not an IPv4 address, and when the
 * board knows already that no network leads there. A board may only learn that later, or never: the chip throws
 * `no network` when it has none at all, and lwIP tells nobody that a connection could not even be begun. So a caller
 * MUST bound its wait for `onWritable` and `onError`.
 */
export type TCPConstructor = new (options: TCPConnectOptions | TCPFromOptions) => TCP;

export interface TLSConnectOptions extends TCPConnectOptions {
  /** The name that the peer's certificate must be for. */
  host: string;
  /** Comes before `onError` when TCP was up and the TLS handshake failed. */
  onHandshakeFailed?(): void;
}

/** The same as TCP; `onWritable` comes when the handshake is done. */
export type TLSConstructor = new (options: TLSConnectOptions) => TCP;

export interface ListenerOptions {
  /** 0: any free port. */
  port: number;
  /** `count` connections wait to be `read()`. */
  onReadable?(count: number): void;
}

export interface Listener extends IO {
  readonly port: number;
  /** The next connection that waits; it gets its callbacks by `new TCP({ from })`. */
  read(): TCP | undefined;
}

/**
 * Throws when the port is taken. It may be made before there is a network, takes connections as soon as there is one,
 * and goes on when networks change.
 */
export type ListenerConstructor = new (options: ListenerOptions) => Listener;
