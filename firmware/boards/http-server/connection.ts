import type {
  Bytes,
  Clock,
  HTTPConnection,
  HTTPHandlers,
  HTTPResponse,
  HTTPServerOptions,
  TCP,
  TCPConstructor,
  Timer,
} from "../../../modules/board/index.js";
import { asUint8Array, concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { BodyReader, HeadReader } from "../../../modules/http/index.js";
import type { Guard } from "../guard.js";
import { requestHead } from "./request.js";

/** The server of a connection. */
export interface ConnectionServer {
  readonly parts: {
    readonly TCP: TCPConstructor;
    readonly clock: Clock;
    readonly guard: Guard;
    readonly hasRoom?: () => boolean;
  };
  readonly options: Pick<HTTPServerOptions, "maxHeadBytes" | "requestTimeoutMs">;
  /** Called once, when the connection is closed. */
  handleClosed(connection: Connection): void;
}

/** Maximum number of body bytes that wait for the handlers to read them. TCP holds further ones back. */
const BODY_BUFFER_BYTES = 2048;
/** Time for which a request that does not arrive keeps its connection when others wait, ms. */
const SLOW_MS = 500;

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  302: "Found",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Status codes of responses without a body, which are sent without a length (RFC 9110 8.6). */
const BODILESS = [204, 304];

/**
 * State of a connection. `lingering`: the response is sent, and the client still sends. Closing the socket now would
 * reset the connection before the client has read the response.
 */
type State = "new" | "head" | "body" | "waiting" | "responding" | "lingering" | "closed";

/** One request and its response. */
export class Connection implements HTTPConnection {
  readonly remoteAddress: string | undefined;
  private readonly _server: ConnectionServer;
  private readonly _socket: TCP;
  private _timer: Timer | undefined;
  private _handlers: HTTPHandlers = {};
  private _state: State = "new";
  private readonly _head: HeadReader;
  private _reader = new BodyReader(0);
  /** Body bytes that the handlers have not read yet. */
  private _body: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Bytes that still arrive of a request whose response was sent early. */
  private _rest = 0;
  private _unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private _responseLeft = 0;
  private _isHeadSent = false;
  private _isExtended = false;
  private readonly _sinceMs: number;

  constructor(from: TCP, server: ConnectionServer) {
    this.remoteAddress = from.remoteAddress;
    this._server = server;
    this._head = new HeadReader(server.options.maxHeadBytes);
    this._sinceMs = server.parts.clock.monotonicMs();
    this._socket = new server.parts.TCP({
      from,
      onReadable: () => this._receive(),
      onWritable: () => this._send(),
      onError: () => this.abandon(),
    });
    this._startTimer(() => this._refuse(408), server.options.requestTimeoutMs);
  }

  extend(timeoutMs: number): void {
    if (["waiting", "responding", "lingering", "closed"].includes(this._state)) return;
    this._isExtended = true;
    this._startTimer(() => this._refuse(408), timeoutMs);
  }

  /** Whether the client is slow to send a request, and nothing has allowed it more time. */
  get isSlow(): boolean {
    const isReceiving = ["head", "body", "lingering"].includes(this._state);
    return (
      isReceiving && !this._isExtended && this._server.parts.clock.monotonicMs() - this._sinceMs >= SLOW_MS
    );
  }

  accept(handlers: HTTPHandlers): void {
    if (this._state !== "new") throw new Error("bad state");
    this._handlers = handlers;
    this._state = "head";
  }

  /** `true` after `accept`. The server closes a connection that `onConnect` has not accepted. */
  get isAccepted(): boolean {
    return this._state !== "new";
  }

  read(count = this._body.length): ArrayBuffer | undefined {
    const piece = this._body.slice(0, count);
    if (piece.length === 0) return undefined;
    this._body = this._body.slice(piece.length);
    this._server.parts.guard.soon(() => this._receive());
    return piece.buffer;
  }

  respond({ status, headers }: HTTPResponse): void {
    if (["responding", "lingering", "closed"].includes(this._state)) throw new Error("bad state");
    const byteLength = Number(headers.get("content-length"));
    if (!Number.isInteger(byteLength)) throw new Error("a response needs a content-length");
    // The same timeout applies to a client that does not read the response.
    this._startTimer(() => this.abandon(), this._server.options.requestTimeoutMs);
    this._rest = this._state === "body" ? this._reader.leftBytes : 0;
    this._state = "responding";
    this._responseLeft = byteLength;
    const lines = [...headers]
      .filter(([name]) => name !== "content-length" || !BODILESS.includes(status))
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
    this._unsent = encodeUTF8(
      `HTTP/1.1 ${status} ${REASONS[status] ?? "OK"}\r\n${lines}connection: close\r\n\r\n`,
    );
    this._server.parts.guard.soon(() => this._send());
  }

  write(data: Bytes): number {
    const bytes = asUint8Array(data);
    if (this._state !== "responding" || !this._isHeadSent) throw new Error("bad state");
    if (bytes.length > this._responseLeft) throw new Error("more than the content-length");
    const writable = this._socket.write(bytes);
    this._responseLeft -= bytes.length;
    if (this._responseLeft === 0) this._server.parts.guard.soon(() => this._finish());
    return Math.min(writable, this._responseLeft);
  }

  close(): void {
    if (this._state === "closed") return;
    this._state = "closed";
    this._server.parts.clock.clear(this._timer);
    this._socket.close();
    this._server.handleClosed(this);
  }

  private _receive(): void {
    if (this._state === "head") this._receiveHead();
    if (this._state === "body") this._receiveBody();
    if (["waiting", "responding", "lingering"].includes(this._state)) this._drop();
  }

  /** Drops the rest of a request whose response was sent early, so that no reset destroys the response. */
  private _drop(): void {
    this._rest -= this._socket.read()?.byteLength ?? 0;
    if (this._state === "lingering" && this._rest <= 0) this.close();
  }

  private _receiveHead(): void {
    const bytes = asUint8Array(this._socket.read() ?? new ArrayBuffer(0));
    const read = this._head.read(bytes);
    if (read === undefined) this._refuse(431);
    else if (this._head.isComplete) this._begin(bytes.subarray(read));
    else if (!this._hasRoom) this._refuse(503);
  }

  private get _hasRoom(): boolean {
    return this._server.parts.hasRoom?.() !== false;
  }

  private _begin(rest: Uint8Array<ArrayBuffer>): void {
    const head = this._head.parse();
    const request = head && requestHead(head);
    if (!request) {
      this._refuse(400);
      return;
    }
    this._reader = new BodyReader(request.length);
    if (this._hasRoom) {
      this._state = "body";
      this._handlers.onRequest?.(request);
    } else {
      this._refuse(503);
      this._rest = this._reader.leftBytes;
    }
    if (this._state === "body") this._handleBody(rest);
    else this._rest -= rest.length;
  }

  private _receiveBody(): void {
    if (this._body.length >= BODY_BUFFER_BYTES) return;
    this._handleBody(asUint8Array(this._socket.read() ?? new ArrayBuffer(0)));
  }

  private _handleBody(bytes: Uint8Array<ArrayBuffer>): void {
    const pieces = this._body.length > 0 ? [this._body] : [];
    if (typeof this._reader.read(bytes, (data) => pieces.push(data)) === "string") {
      this._refuse(400);
      return;
    }
    const [first = bytes.subarray(0, 0)] = pieces;
    this._body = pieces.length > 1 ? concatBytes(...pieces) : first;
    if (this._body.length > 0) this._handlers.onReadable?.(this._body.length);
    if (this._state !== "body" || !this._reader.isDone || this._body.length > 0) return;
    this._server.parts.clock.clear(this._timer);
    this._state = "waiting";
    this._handlers.onResponse?.();
  }

  private _send(): void {
    if (this._state !== "responding") return;
    if (this._unsent.length > 0) {
      const writable = this._socket.write(new Uint8Array(0));
      const piece = this._unsent.slice(0, writable);
      this._socket.write(piece);
      this._unsent = this._unsent.slice(piece.length);
      if (this._unsent.length > 0) return;
    }
    this._isHeadSent = true;
    if (this._responseLeft === 0) {
      this._finish();
      return;
    }
    const writable = Math.min(this._socket.write(new Uint8Array(0)), this._responseLeft);
    if (writable > 0) this._handlers.onWritable?.(writable);
  }

  private _finish(): void {
    if (this._state !== "responding") return;
    if (this._rest > 0) this._linger();
    else this.close();
    this._handlers.onDone?.();
  }

  private _linger(): void {
    this._state = "lingering";
    this._startTimer(() => this.close(), this._server.options.requestTimeoutMs);
  }

  private _startTimer(callback: () => void, delayMs: number): void {
    const { clock } = this._server.parts;
    clock.clear(this._timer);
    this._timer = clock.set(callback, delayMs);
  }

  /** Closes the connection, and reports it to the handlers. */
  abandon(): void {
    const isReported = this._state === "closed" || this._state === "lingering";
    this.close();
    if (!isReported) this._handlers.onError?.();
  }

  /** Sends the server's own response to an invalid request. */
  private _refuse(status: number): void {
    const handlers = this._handlers;
    const text = encodeUTF8(`${REASONS[status]}\n`);
    // The rest of an invalid request is dropped.
    this._state = "waiting";
    this._handlers = {
      onWritable: () => {
        this.write(text);
      },
    };
    this.respond({
      status,
      headers: new Map([
        ["content-type", "text/plain; charset=utf-8"],
        ["content-length", String(text.length)],
      ]),
    });
    handlers.onError?.();
  }
}
