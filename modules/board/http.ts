import type { Bytes, IO } from "./io.js";

export interface HTTPRequest {
  /** As it was sent: `GET`, `POST`. */
  readonly method: string;
  /** The request target as it was sent, query included, not decoded. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface HTTPResponse {
  status: number;
  /** `content-length` is required; the connection is closed after the response. */
  headers: ReadonlyMap<string, string>;
}

/** One request and its response, in this order: onRequest, onReadable*, onResponse, onWritable*, onDone. */
export interface HTTPHandlers {
  onRequest?(request: HTTPRequest): void;
  /** `count` bytes of the body wait. What is not read now is announced again. */
  onReadable?(count: number): void;
  /** The request is complete: call `respond`, now or later. */
  onResponse?(): void;
  /** Room for `count` bytes of the response's body. */
  onWritable?(count: number): void;
  onDone?(): void;
  /** The peer went away or broke the protocol. The connection is closed. */
  onError?(error?: Error): void;
}

export interface HTTPConnection extends IO {
  readonly remoteAddress: string | undefined;
  /** To be called from within `onConnect`. */
  accept(handlers: HTTPHandlers): void;
  /** Body bytes, at most `count`; `undefined` when none wait. What is not read stays with the sender. */
  read(count?: number): ArrayBuffer | undefined;
  /** The rest of the request may take `timeoutMs` from now: for a long body, with each piece of it. */
  extend(timeoutMs: number): void;
  /** May also be called from `onRequest` or `onReadable`: the rest of the request is then dropped. */
  respond(response: HTTPResponse): void;
  /** All or nothing, from `onWritable` on; throws beyond its count. Returns how many bytes fit now. */
  write(data: Bytes): number;
}

/**
 * An HTTP/1.1 server, as `embedded:network/http/server`, with the bounds that one lacks. The server answers 400 to
 * what is not HTTP/1.1, 431 to a request line and headers of more than `maxHeadBytes`, 408 to a request that is
 * not complete within `requestTimeoutMs`, by itself. A response that is not taken within as long ends with the
 * connection. Connections beyond `maxConnections` wait or are closed.
 */
export interface HTTPServerOptions {
  /** 0: any free port. */
  port: number;
  maxHeadBytes: number;
  maxConnections: number;
  requestTimeoutMs: number;
  onConnect(connection: HTTPConnection): void;
}

export interface HTTPServer extends IO {
  readonly port: number;
}

/** Throws when the port is taken. */
export type HTTPServerConstructor = new (options: HTTPServerOptions) => HTTPServer;
