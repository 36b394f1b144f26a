import type { Bytes, IO } from "./io.js";

/** Request line and headers of a request. */
export interface HTTPRequest {
  /** Method as sent: `GET`, `POST`. */
  readonly method: string;
  /** Request target as sent, with the query, not decoded. */
  readonly path: string;
  /** Header values by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Status and headers of a response. */
export interface HTTPResponse {
  readonly status: number;
  /** Must contain `content-length`. The connection closes after the response. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Callbacks of one request and its response, in the order onRequest, onReadable*, onResponse, onWritable*, onDone. */
export interface HTTPHandlers {
  onRequest?(request: HTTPRequest): void;
  /** `count` bytes of the body are readable. Bytes left unread are announced again. */
  onReadable?(count: number): void;
  /** The request is complete. Call `respond` now or later. */
  onResponse?(): void;
  /** `count` bytes of the response's body can be written. */
  onWritable?(count: number): void;
  /** The response was sent. */
  onDone?(): void;
  /** The peer disconnected or violated the protocol. The connection is closed. */
  onError?(error?: Error): void;
}

export interface HTTPConnection extends IO {
  /** Address of the client, IPv4. `undefined` for a connection that was reset at once. */
  readonly remoteAddress: string | undefined;
  /** Registers the callbacks. Must be called during `onConnect`. */
  accept(handlers: HTTPHandlers): void;
  /** Returns up to `count` bytes of the body; `undefined` without readable bytes. Unread bytes throttle the sender. */
  read(count?: number): ArrayBuffer | undefined;
  /** Allows `timeoutMs` from now for the rest of the request. Call it with each piece of a long body. */
  extend(timeoutMs: number): void;
  /** Starts the response. During `onRequest` or `onReadable` this discards the rest of the request. */
  respond(response: HTTPResponse): void;
  /** Writes all of `data`, or throws beyond the count of `onWritable`. Returns how many further bytes fit. */
  write(data: Bytes): number;
}

/**
 * Options of an HTTP/1.1 server, as `embedded:network/http/server`, with limits which that one lacks. The server
 * itself answers 400 to malformed HTTP, 431 to a head longer than `maxHeadBytes`, and 408 to a request that is
 * incomplete after `requestTimeoutMs`. It closes a connection whose response is not received within the same time.
 * Connections beyond `maxConnections` are queued or closed. A connection beyond `maxConnectionsPerAddress` waits for
 * another one of its address; it is closed when a connection of another address needs its place.
 */
export interface HTTPServerOptions {
  /** Port; 0: any free port. */
  readonly port: number;
  /** Highest length of request line and headers, bytes. */
  readonly maxHeadBytes: number;
  readonly maxConnections: number;
  /** Maximum number of connections of one client's address that are served at a time. */
  readonly maxConnectionsPerAddress: number;
  readonly requestTimeoutMs: number;
  onConnect(connection: HTTPConnection): void;
}

export interface HTTPServer extends IO {
  readonly port: number;
}

/** Starts a server. Throws when the port is in use. */
export type HTTPServerConstructor = new (options: HTTPServerOptions) => HTTPServer;
