import type { Bytes, IO } from "./io.js";

/** Maximum length of one `read` without a length, bytes. A station has little memory for longer pieces. */
export const MAX_READ_BYTES = 1024;

/**
 * A TCP connection, as `embedded:io/socket/tcp` (ECMA-419, TCP class pattern; SDK: `modules/io/socket/lwip/tcp.c`).
 *
 * - The first `onWritable(count)` reports that the connection is open; later ones report room after a write. `count`
 *   is the number of bytes that `write` accepts now.
 * - `onReadable(count)` reports `count` readable bytes. It is called again when more arrive, and after a `read` without a
 *   length that has left some. A caller that has not read has to remember that bytes are left.
 * - `onError` reports the end of the connection: refused, reset, or closed by the peer with everything read. The chip
 *   gives no reason, so a caller MUST NOT need one. No callback follows it.
 */
export interface TCP extends IO {
  /** IPv4 address of the peer. `undefined` for an accepted connection that was reset at once. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /**
   * Returns `byteLength` readable bytes, by default at most `MAX_READ_BYTES`; `undefined` without any. Throws when
   * `byteLength` exceeds them or is not positive.
   */
  read(byteLength?: number): ArrayBuffer | undefined;
  /**
   * Writes all of `data` or throws (`would block`, `not ready`). Returns how many further bytes fit. Returns 0 when the
   * peer has closed or reset the connection and `onError` is still to come.
   */
  write(data: Bytes): number;
}

export interface TCPHandlers {
  onReadable?(count: number): void;
  onWritable?(count: number): void;
  onError?(error?: Error): void;
}

export interface TCPConnectOptions extends TCPHandlers {
  /** IPv4 address. `Board.resolve` resolves names. */
  readonly address: string;
  readonly port: number;
  readonly noDelay?: boolean;
}

/**
 * Options to take over an open connection, such as one from a `Listener`. This closes the given instance. Earlier
 * events of the connection, also its end, are reported again.
 */
export interface TCPFromOptions extends TCPHandlers {
  readonly from: TCP;
  readonly noDelay?: boolean;
}

/**
 * Opens a connection. Throws when no socket is free (`no socket`), when the address is not an IPv4 address, and when
 * the board has no network to it (`no network`). The chip detects only that it has no network at all, and lwIP does
 * not report a connection that could not be started. So a caller MUST limit the time until `onWritable` or `onError`.
 */
export type TCPConstructor = new (options: TCPConnectOptions | TCPFromOptions) => TCP;

export interface TLSConnectOptions extends TCPConnectOptions {
  /** Name that the peer's certificate must match. */
  readonly host: string;
  /** The TLS handshake has failed. Called before `onError`. `why`, if known, is a sentence about the server. */
  onHandshakeFailed?(why?: string): void;
}

/** Opens a TLS connection. It behaves as TCP; the first `onWritable` follows the handshake. */
export type TLSConstructor = new (options: TLSConnectOptions) => TCP;

export interface ListenerOptions {
  /** Port; 0: any free port. */
  readonly port: number;
  /** `count` connections can be `read()`. */
  onReadable?(count: number): void;
}

export interface Listener extends IO {
  readonly port: number;
  /** Returns the next pending connection; `new TCP({ from })` gives it callbacks. */
  read(): TCP | undefined;
}

/**
 * Opens a listener. Throws when the port is in use. A listener may be opened before the network is up, and stays open
 * when networks change.
 */
export type ListenerConstructor = new (options: ListenerOptions) => Listener;
