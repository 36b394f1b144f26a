import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type {
  Bytes,
  Clock,
  HTTPConnection,
  HTTPHandlers,
  HTTPResponse,
  HTTPServer,
  HTTPServerConstructor,
  HTTPServerOptions,
  Timer,
} from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import type { FirmwareRun } from "../board/index.js";
import { type NodeSocketOptions, portOf } from "./sockets.js";

/** Maximum number of unsent response bytes. */
const RESPONSE_BUFFER_BYTES = 2048;
/** Interval at which Node checks requests for their timeout, ms. */
const TIMEOUT_CHECK_MS = 100;
const LOOPBACK = "127.0.0.1";

/** HTTP/1.1 server on `node:http`, within the limits of modules/board/http.ts. */
export function makeNodeHTTPServer(firmware: FirmwareRun, options: NodeSocketOptions): HTTPServerConstructor {
  return class NodeHTTPServer implements HTTPServer {
    readonly #server: Server;
    readonly #release: () => void;

    constructor(server: HTTPServerOptions) {
      const limits = {
        // Node counts headers without line ends and the empty line, so a client may send slightly more.
        maxHeaderSize: server.maxHeadBytes,
        headersTimeout: server.requestTimeoutMs,
        // A body may take longer, so each connection has its own timeout.
        requestTimeout: 0,
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
        keepAlive: false,
      };
      const connections = new Set<Connection>();
      const waiting = new Set<ConnectionOptions>();
      const serve = (options: ConnectionOptions) => {
        const connection = new Connection(options);
        connections.add(connection);
        options.response.once("close", () => connections.delete(connection));
        server.onConnect(connection);
        connection.begin();
      };
      const serveNext = () => {
        for (const options of waiting) {
          const { remoteAddress } = options.request.socket;
          const share = [...connections].filter((one) => one.remoteAddress === remoteAddress).length;
          if (share >= server.maxConnectionsPerAddress) continue;
          waiting.delete(options);
          firmware.run(() => serve(options));
        }
      };
      this.#server = createServer(limits, (request, response) => {
        const options = { request, response, firmware, timeoutMs: server.requestTimeoutMs };
        waiting.add(options);
        serveNext();
        response.once("close", () => {
          waiting.delete(options);
          serveNext();
        });
      });
      this.#server.maxConnections = server.maxConnections;
      this.#server.once("error", (error) => firmware.end({ type: "crash", error }));
      const realPort = options.portOf?.(server.port) ?? server.port;
      this.#server.listen({ port: realPort, host: LOOPBACK }, () =>
        options.onListening?.(server.port, this.port),
      );
      const sockets = new Set<Socket>();
      this.#server.on("connection", (socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
      });
      this.#release = firmware.hold(() => {
        this.#server.close();
        for (const connection of connections) connection.close();
        for (const socket of sockets) socket.destroy();
      });
    }

    /** Real port; 0 until Node has opened the server. */
    get port(): number {
      return portOf(this.#server);
    }

    close(): void {
      this.#release();
    }
  };
}

interface ConnectionOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly firmware: FirmwareRun;
  readonly timeoutMs: number;
}

class Connection implements HTTPConnection {
  readonly remoteAddress: string | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #firmware: FirmwareRun;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #timer: Timer | undefined;
  #handlers: HTTPHandlers = {};
  #isReceiving = true;
  #isResponding = false;
  #isOver = false;
  #outstandingBytes = 0;
  #unwrittenBytes = 0;

  constructor({ request, response, firmware, timeoutMs }: ConnectionOptions) {
    this.remoteAddress = request.socket.remoteAddress;
    this.#request = request;
    this.#response = response;
    this.#firmware = firmware;
    this.#clock = firmware.clock();
    this.#timeoutMs = timeoutMs;
    response.shouldKeepAlive = false;
  }

  accept(handlers: HTTPHandlers): void {
    this.#handlers = handlers;
  }

  /** Begins after `onConnect`. Node has already received the request. */
  begin(): void {
    const { method = "", url = "", rawHeaders } = this.#request;
    this.#request.on("readable", () => this.#announce());
    this.#request.on("end", () => this.#complete());
    this.#response.on("finish", () => this.#finish());
    this.#response.on("close", () => this.#fail());
    this.#response.on("error", () => this.#fail());
    this.extend(this.#timeoutMs);
    this.#run(() => this.#handlers.onRequest?.({ method, path: url, headers: headersOf(rawHeaders) }));
  }

  read(count?: number): ArrayBuffer | undefined {
    const waiting = this.#request.readableLength;
    if (waiting === 0 || this.#isOver) return undefined;
    const bytes: Buffer | null = this.#request.read(Math.min(count ?? waiting, waiting));
    return bytes === null ? undefined : Uint8Array.from(bytes).buffer;
  }

  extend(timeoutMs: number): void {
    if (!this.#isReceiving) return;
    this.#clock.clear(this.#timer);
    this.#timer = this.#clock.set(() => this.#refuse(), timeoutMs);
  }

  respond({ status, headers }: HTTPResponse): void {
    if (this.#isOver || this.#isResponding) throw new Error("bad state");
    const byteLength = Number(headers.get("content-length"));
    if (!Number.isInteger(byteLength)) throw new Error("a response needs a content-length");
    this.#isResponding = true;
    this.#isReceiving = false;
    this.#clock.clear(this.#timer);
    this.#timer = this.#clock.set(() => this.#request.socket.destroy(), this.#timeoutMs);
    this.#unwrittenBytes = byteLength;
    // Reads and discards the rest of a request that was answered early, so that the connection is not reset.
    this.#request.removeAllListeners("readable");
    this.#request.resume();
    const hasLength = status !== 204 && status !== 304;
    this.#response.writeHead(
      status,
      [...headers].filter(([name]) => hasLength || name !== "content-length").flat(),
    );
    this.#response.flushHeaders();
    setImmediate(() => this.#continue());
  }

  write(data: Bytes): number {
    const bytes = asUint8Array(data);
    if (!this.#isResponding || this.#isOver) throw new Error("bad state");
    if (bytes.length > this.#writableBytes) throw new Error("would block");
    this.#unwrittenBytes -= bytes.length;
    this.#outstandingBytes += bytes.length;
    this.#response.write(Uint8Array.from(bytes), () => {
      this.#outstandingBytes -= bytes.length;
      this.#continue();
    });
    return this.#writableBytes;
  }

  close(): void {
    if (this.#isOver) return;
    this.#end();
    this.#request.socket.destroy();
  }

  get #writableBytes(): number {
    return Math.min(RESPONSE_BUFFER_BYTES - this.#outstandingBytes, this.#unwrittenBytes);
  }

  #announce(): void {
    if (!this.#isReceiving) return;
    const waiting = this.#request.readableLength;
    // Without data, the request has ended: the read emits the end event.
    if (waiting === 0) this.#request.read();
    else this.#run(() => this.#handlers.onReadable?.(waiting));
  }

  #complete(): void {
    if (!this.#isReceiving) return;
    this.#isReceiving = false;
    this.#clock.clear(this.#timer);
    this.#run(() => this.#handlers.onResponse?.());
  }

  #continue(): void {
    if (this.#isOver) return;
    if (this.#unwrittenBytes === 0) {
      if (this.#outstandingBytes === 0 && !this.#response.writableEnded) this.#response.end();
      return;
    }
    const writable = this.#writableBytes;
    if (writable > 0) this.#run(() => this.#handlers.onWritable?.(writable));
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#end();
    this.#run(() => this.#handlers.onDone?.());
  }

  #fail(): void {
    if (this.#isOver) return;
    this.#end();
    this.#run(() => this.#handlers.onError?.());
  }

  /** Refuses a request that did not arrive in time. */
  #refuse(): void {
    this.#isReceiving = false;
    this.#response.writeHead(408).end();
    this.#fail();
  }

  #end(): void {
    this.#isOver = true;
    this.#clock.clear(this.#timer);
  }

  #run(callback: () => void): void {
    this.#firmware.run(callback);
  }
}

/**
 * Header fields in their order. Repeated ones are joined; Node has rejected those that must not be repeated.
 */
function headersOf(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? (raw[i + 1] ?? "") : `${before}, ${raw[i + 1]}`);
  }
  return headers;
}
