import type {
  Bytes,
  Clock,
  HTTPConnection,
  HTTPHandlers,
  HTTPResponse,
  HTTPServer,
  HTTPServerConstructor,
  HTTPServerOptions,
  Listener,
  ListenerConstructor,
  TCP,
  TCPConstructor,
  Timer,
} from "../../../modules/board/index.js";
import { asUint8Array, concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Guard } from "../guard.js";
import { ChunkedBody, type Head, parseHead } from "./request.js";

export interface HTTPServerParts {
  readonly TCP: TCPConstructor;
  readonly Listener: ListenerConstructor;
  readonly clock: Clock;
  readonly guard: Guard;
}

/** Maximum number of body bytes that wait for the handlers to read them. TCP holds further ones back. */
const BODY_BUFFER_BYTES = 2048;

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
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
};

/** Status codes of responses without a body, which are sent without a length (RFC 9110 8.6). */
const BODILESS = [204, 304];

/**
 * State of a connection. `lingering`: the response is sent, and the client still sends. Closing the socket now would
 * reset the connection before the client has read the response.
 */
type State = "new" | "head" | "body" | "waiting" | "responding" | "lingering" | "closed";

/**
 * Returns an HTTP/1.1 server over a board's sockets, within the limits of modules/board/http.ts. The chip and the virtual
 * board use the same one (docs/decisions/005).
 */
export function makeHTTPServer({ TCP, Listener, clock, guard }: HTTPServerParts): HTTPServerConstructor {
  class Connection implements HTTPConnection {
    readonly remoteAddress: string | undefined;
    private readonly _options: HTTPServerOptions;
    private readonly _onClose: () => void;
    private readonly _socket: TCP;
    private _timer: Timer | undefined;
    private _handlers: HTTPHandlers = {};
    private _state: State = "new";
    private _head = new Uint8Array(0);
    private _body: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    /** Body bytes that have not arrived yet. */
    private _bodyLeft = 0;
    /** Bytes that still arrive of a request whose response was sent early. */
    private _rest = 0;
    private _chunked: ChunkedBody | undefined;
    private _unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    private _responseLeft = 0;
    private _isHeadSent = false;

    constructor(from: TCP, options: HTTPServerOptions, onClose: () => void) {
      this.remoteAddress = from.remoteAddress;
      this._options = options;
      this._onClose = onClose;
      this._socket = new TCP({
        from,
        onReadable: () => this._receive(),
        onWritable: () => this._send(),
        onError: () => this._fail(),
      });
      this.extend(options.requestTimeoutMs);
    }

    extend(timeoutMs: number): void {
      if (["waiting", "responding", "lingering", "closed"].includes(this._state)) return;
      clock.clear(this._timer);
      this._timer = clock.set(() => this._refuse(408), timeoutMs);
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
      guard.soon(() => this._receive());
      return piece.buffer;
    }

    respond({ status, headers }: HTTPResponse): void {
      if (["responding", "lingering", "closed"].includes(this._state)) throw new Error("bad state");
      const byteLength = Number(headers.get("content-length"));
      if (!Number.isInteger(byteLength)) throw new Error("a response needs a content-length");
      clock.clear(this._timer);
      // The same timeout applies to a client that does not read the response.
      this._timer = clock.set(() => this._fail(), this._options.requestTimeoutMs);
      const bodyLeft = this._chunked ? Number.POSITIVE_INFINITY : this._bodyLeft;
      this._rest = this._state === "body" ? bodyLeft : 0;
      this._state = "responding";
      this._responseLeft = byteLength;
      const lines = [...headers]
        .filter(([name]) => name !== "content-length" || !BODILESS.includes(status))
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("");
      this._unsent = encodeUTF8(
        `HTTP/1.1 ${status} ${REASONS[status] ?? "OK"}\r\n${lines}connection: close\r\n\r\n`,
      );
      guard.soon(() => this._send());
    }

    write(data: Bytes): number {
      const bytes = asUint8Array(data);
      if (this._state !== "responding" || !this._isHeadSent) throw new Error("bad state");
      if (bytes.length > this._responseLeft) throw new Error("more than the content-length");
      const writable = this._socket.write(bytes);
      this._responseLeft -= bytes.length;
      if (this._responseLeft === 0) guard.soon(() => this._finish());
      return Math.min(writable, this._responseLeft);
    }

    close(): void {
      if (this._state === "closed") return;
      this._state = "closed";
      clock.clear(this._timer);
      this._socket.close();
      this._onClose();
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
      const bytes = concatBytes(this._head, this._socket.read() ?? new ArrayBuffer(0));
      const end = indexOfEmptyLine(bytes);
      if ((end < 0 ? bytes.length : end) > this._options.maxHeadBytes) {
        this._refuse(431);
        return;
      }
      this._head = bytes;
      if (end < 0) return;
      const head = parseHead(bytes.slice(0, end - 4));
      if (head) this._begin(head, bytes.slice(end));
      else this._refuse(400);
    }

    private _begin({ method, path, headers, body }: Head, rest: Uint8Array<ArrayBuffer>): void {
      this._state = "body";
      if (body.type === "chunked") this._chunked = new ChunkedBody();
      else this._bodyLeft = body.byteLength;
      this._handlers.onRequest?.({ method, path, headers });
      if (this._state === "body") this._handleBody(rest);
      else this._rest -= rest.length;
    }

    private _receiveBody(): void {
      if (this._body.length >= BODY_BUFFER_BYTES) return;
      this._handleBody(asUint8Array(this._socket.read() ?? new ArrayBuffer(0)));
    }

    private _handleBody(bytes: Uint8Array<ArrayBuffer>): void {
      const data = this._chunked ? this._chunked.take(bytes) : [bytes.slice(0, this._bodyLeft)];
      if (!data) {
        this._refuse(400);
        return;
      }
      const piece = concatBytes(...data);
      this._bodyLeft -= this._chunked ? 0 : piece.length;
      this._body = concatBytes(this._body, piece);
      if (this._body.length > 0) this._handlers.onReadable?.(this._body.length);
      const isComplete = this._chunked ? this._chunked.isDone : this._bodyLeft === 0;
      if (this._state !== "body" || !isComplete || this._body.length > 0) return;
      clock.clear(this._timer);
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
      clock.clear(this._timer);
      this._timer = clock.set(() => this.close(), this._options.requestTimeoutMs);
    }

    private _fail(): void {
      const isReported = this._state === "closed" || this._state === "lingering";
      this.close();
      if (!isReported) this._handlers.onError?.();
    }

    /** Sends the server's own response to an invalid request. */
    private _refuse(status: number): void {
      const { onError } = this._handlers;
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
      onError?.();
    }
  }

  return class BoundedHTTPServer implements HTTPServer {
    private readonly _listener: Listener;
    private readonly _options: HTTPServerOptions;
    private readonly _connections = new Set<Connection>();

    constructor(options: HTTPServerOptions) {
      this._options = options;
      this._listener = new Listener({ port: options.port, onReadable: () => this._acceptAll() });
    }

    get port(): number {
      return this._listener.port;
    }

    close(): void {
      this._listener.close();
      for (const connection of [...this._connections]) connection.close();
    }

    private _acceptAll(): void {
      while (this._connections.size < this._options.maxConnections) {
        const socket = this._listener.read();
        if (!socket) return;
        const connection: Connection = new Connection(socket, this._options, () => {
          this._connections.delete(connection);
          guard.soon(() => this._acceptAll());
        });
        this._connections.add(connection);
        this._options.onConnect(connection);
        if (!connection.isAccepted) connection.close();
      }
    }
  };
}

/** Returns the index after the empty line that ends a head, or -1. */
function indexOfEmptyLine(bytes: Uint8Array<ArrayBuffer>): number {
  for (let i = bytes.indexOf(13); i >= 0; i = bytes.indexOf(13, i + 1)) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i + 4;
  }
  return -1;
}
