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

/** Body bytes that wait to be read by the handlers; more stay with the sender. */
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

/** Responses that have no body, and MUST NOT or need not say its length (RFC 9110 8.6). */
const BODILESS = [204, 304];

/** `lingering`: answered, while the sender still sends; a socket closed now would take the answer back. */
type State = "new" | "head" | "body" | "waiting" | "responding" | "lingering" | "closed";

/**
 * HTTP/1.1 over a board's sockets, within the bounds of modules/board/http.ts. The chip has the same one as the
 * virtual board (docs/decisions/005).
 */
export function makeHTTPServer({ TCP, Listener, clock, guard }: HTTPServerParts): HTTPServerConstructor {
  class Connection implements HTTPConnection {
    readonly remoteAddress: string | undefined;
    #options: HTTPServerOptions;
    #onClose: () => void;
    #socket: TCP;
    #timer: Timer | undefined;
    #handlers: HTTPHandlers = {};
    #state: State = "new";
    #head = new Uint8Array(0);
    #body: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    #bodyLeft = 0;
    /** Of a request that was answered early: what still comes. */
    #rest = 0;
    #chunked: ChunkedBody | undefined;
    #unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    #responseLeft = 0;
    #isHeadSent = false;

    constructor(from: TCP, options: HTTPServerOptions, onClose: () => void) {
      this.remoteAddress = from.remoteAddress;
      this.#options = options;
      this.#onClose = onClose;
      this.#socket = new TCP({
        from,
        onReadable: () => this.#receive(),
        onWritable: () => this.#send(),
        onError: () => this.#fail(),
      });
      this.extend(options.requestTimeoutMs);
    }

    extend(timeoutMs: number): void {
      if (["waiting", "responding", "lingering", "closed"].includes(this.#state)) return;
      clock.clear(this.#timer);
      this.#timer = clock.set(() => this.#refuse(408), timeoutMs);
    }

    accept(handlers: HTTPHandlers): void {
      if (this.#state !== "new") throw new Error("bad state");
      this.#handlers = handlers;
      this.#state = "head";
    }

    /** Whom `onConnect` did not accept is not served. */
    get isAccepted(): boolean {
      return this.#state !== "new";
    }

    read(count = this.#body.length): ArrayBuffer | undefined {
      const piece = this.#body.slice(0, count);
      if (piece.length === 0) return undefined;
      this.#body = this.#body.slice(piece.length);
      guard.soon(() => this.#receive());
      return piece.buffer;
    }

    respond({ status, headers }: HTTPResponse): void {
      if (["responding", "lingering", "closed"].includes(this.#state)) throw new Error("bad state");
      const byteLength = Number(headers.get("content-length"));
      if (!Number.isInteger(byteLength)) throw new Error("a response needs a content-length");
      clock.clear(this.#timer);
      // Who does not take the answer has the connection for no longer than who does not ask.
      this.#timer = clock.set(() => this.#fail(), this.#options.requestTimeoutMs);
      const bodyLeft = this.#chunked ? Number.POSITIVE_INFINITY : this.#bodyLeft;
      this.#rest = this.#state === "body" ? bodyLeft : 0;
      this.#state = "responding";
      this.#responseLeft = byteLength;
      const lines = [...headers]
        .filter(([name]) => name !== "content-length" || !BODILESS.includes(status))
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("");
      this.#unsent = encodeUTF8(
        `HTTP/1.1 ${status} ${REASONS[status] ?? "OK"}\r\n${lines}connection: close\r\n\r\n`,
      );
      guard.soon(() => this.#send());
    }

    write(data: Bytes): number {
      const bytes = asUint8Array(data);
      if (this.#state !== "responding" || !this.#isHeadSent) throw new Error("bad state");
      if (bytes.length > this.#responseLeft) throw new Error("more than the content-length");
      const writable = this.#socket.write(bytes);
      this.#responseLeft -= bytes.length;
      if (this.#responseLeft === 0) guard.soon(() => this.#finish());
      return Math.min(writable, this.#responseLeft);
    }

    close(): void {
      if (this.#state === "closed") return;
      this.#state = "closed";
      clock.clear(this.#timer);
      this.#socket.close();
      this.#onClose();
    }

    #receive(): void {
      if (this.#state === "head") this.#receiveHead();
      if (this.#state === "body") this.#receiveBody();
      if (["waiting", "responding", "lingering"].includes(this.#state)) this.#drop();
    }

    /** The rest of a request that was answered early is read and dropped, so that the answer is not reset. */
    #drop(): void {
      this.#rest -= this.#socket.read()?.byteLength ?? 0;
      if (this.#state === "lingering" && this.#rest <= 0) this.close();
    }

    #receiveHead(): void {
      const bytes = concatBytes(this.#head, this.#socket.read() ?? new ArrayBuffer(0));
      const end = indexOfEmptyLine(bytes);
      if ((end < 0 ? bytes.length : end) > this.#options.maxHeadBytes) {
        this.#refuse(431);
        return;
      }
      this.#head = bytes;
      if (end < 0) return;
      const head = parseHead(bytes.slice(0, end - 4));
      if (head) this.#begin(head, bytes.slice(end));
      else this.#refuse(400);
    }

    #begin({ method, path, headers, body }: Head, rest: Uint8Array<ArrayBuffer>): void {
      this.#state = "body";
      if (body.type === "chunked") this.#chunked = new ChunkedBody();
      else this.#bodyLeft = body.byteLength;
      this.#handlers.onRequest?.({ method, path, headers });
      if (this.#state === "body") this.#takeBody(rest);
      else this.#rest -= rest.length;
    }

    #receiveBody(): void {
      if (this.#body.length >= BODY_BUFFER_BYTES) return;
      this.#takeBody(asUint8Array(this.#socket.read() ?? new ArrayBuffer(0)));
    }

    #takeBody(bytes: Uint8Array<ArrayBuffer>): void {
      const data = this.#chunked ? this.#chunked.take(bytes) : [bytes.slice(0, this.#bodyLeft)];
      if (!data) {
        this.#refuse(400);
        return;
      }
      const piece = concatBytes(...data);
      this.#bodyLeft -= this.#chunked ? 0 : piece.length;
      this.#body = concatBytes(this.#body, piece);
      if (this.#body.length > 0) this.#handlers.onReadable?.(this.#body.length);
      const isComplete = this.#chunked ? this.#chunked.isDone : this.#bodyLeft === 0;
      if (this.#state !== "body" || !isComplete || this.#body.length > 0) return;
      clock.clear(this.#timer);
      this.#state = "waiting";
      this.#handlers.onResponse?.();
    }

    #send(): void {
      if (this.#state !== "responding") return;
      if (this.#unsent.length > 0) {
        const writable = this.#socket.write(new Uint8Array(0));
        const piece = this.#unsent.slice(0, writable);
        this.#socket.write(piece);
        this.#unsent = this.#unsent.slice(piece.length);
        if (this.#unsent.length > 0) return;
      }
      this.#isHeadSent = true;
      if (this.#responseLeft === 0) {
        this.#finish();
        return;
      }
      const writable = Math.min(this.#socket.write(new Uint8Array(0)), this.#responseLeft);
      if (writable > 0) this.#handlers.onWritable?.(writable);
    }

    #finish(): void {
      if (this.#state !== "responding") return;
      if (this.#rest > 0) this.#linger();
      else this.close();
      this.#handlers.onDone?.();
    }

    #linger(): void {
      this.#state = "lingering";
      clock.clear(this.#timer);
      this.#timer = clock.set(() => this.close(), this.#options.requestTimeoutMs);
    }

    #fail(): void {
      const isTold = this.#state === "closed" || this.#state === "lingering";
      this.close();
      if (!isTold) this.#handlers.onError?.();
    }

    /** The server's own answer to what is no request. */
    #refuse(status: number): void {
      const { onError } = this.#handlers;
      const text = encodeUTF8(`${REASONS[status]}\n`);
      // Nobody waits for the rest of what is no request.
      this.#state = "waiting";
      this.#handlers = {
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
    readonly #listener: Listener;
    readonly #options: HTTPServerOptions;
    readonly #connections = new Set<Connection>();

    constructor(options: HTTPServerOptions) {
      this.#options = options;
      this.#listener = new Listener({ port: options.port, onReadable: () => this.#take() });
    }

    get port(): number {
      return this.#listener.port;
    }

    close(): void {
      this.#listener.close();
      for (const connection of [...this.#connections]) connection.close();
    }

    #take(): void {
      while (this.#connections.size < this.#options.maxConnections) {
        const socket = this.#listener.read();
        if (!socket) return;
        const connection: Connection = new Connection(socket, this.#options, () => {
          this.#connections.delete(connection);
          guard.soon(() => this.#take());
        });
        this.#connections.add(connection);
        this.#options.onConnect(connection);
        if (!connection.isAccepted) connection.close();
      }
    }
  };
}

/** The index after the empty line that ends a head, or -1. */
function indexOfEmptyLine(bytes: Uint8Array<ArrayBuffer>): number {
  for (let i = bytes.indexOf(13); i >= 0; i = bytes.indexOf(13, i + 1)) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i + 4;
  }
  return -1;
}
