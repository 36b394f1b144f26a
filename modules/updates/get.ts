import type { Board, IO, TCP, Timer } from "../board/index.js";
import { asUint8Array, encodeUTF8 } from "../bytes/index.js";
import { CLOCK_UNKNOWN_MESSAGE, TimeWait } from "../wall-clock/index.js";
import { type ResponseHead, ResponseReader } from "./http-response.js";
import { redirected, type URLParts } from "./url.js";

export interface GetOptions {
  readonly board: Pick<Board, "clock" | "io" | "resolve">;
  readonly url: URLParts;
  /** Headers of every request, also after a redirect. */
  readonly headers: Readonly<Record<string, string>>;
  /** Time limit including redirects, ms. Without one only the idle timeout applies. */
  readonly limitMs?: number;
  /** Keeps the connection open after `onDone`, for `again`. */
  readonly isPersistent?: boolean;
  /** Headers for the host of `url` only; they are omitted when a redirect leads to another host. */
  readonly ownHeaders?: Readonly<Record<string, string>>;
  /** Head of the final response, after redirects. */
  readonly onHead: (head: ResponseHead) => void;
  readonly onBody: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** The body is complete. No callback follows this or `onFailed`. */
  readonly onDone: () => void;
  /**
   * The request failed. `why` is a sentence for the owner. `mayHaveLongRecords`: a TLS connection ended without any byte of
   * the body, as with a server whose records are longer than the station's buffer.
   */
  readonly onFailed: (why: string, mayHaveLongRecords?: boolean) => void;
}

/** Timeout of name look-up, TCP and TLS together, ms. A TLS handshake takes up to 3 s, and waits for another one. */
const OPEN_TIMEOUT_MS = 20_000;
/** Maximum time between received bytes, ms. */
const IDLE_TIMEOUT_MS = 15_000;
const MAX_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** GET over HTTP/1.1 on a connection of its own. The constructor calls no callback. */
export class Get implements IO {
  private readonly _options: GetOptions;
  private _url: URLParts;
  private _redirects = 0;
  private _reader!: ResponseReader;
  private _headers: Readonly<Record<string, string>>;
  private _unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Number of bytes that the socket accepts. */
  private _roomBytes = 0;
  private _wait: IO | undefined;
  private _socket: TCP | undefined;
  private _timer: Timer | undefined;
  private readonly _limit: Timer | undefined;
  /** Number of the current connection. Callbacks of earlier connections are ignored. */
  private _connection = 0;
  private _isOpen = false;
  /** The connection has carried a response before. */
  private _isReused = false;
  private _hasBody = false;
  private _isOver = false;

  constructor(options: GetOptions) {
    this._options = options;
    this._url = options.url;
    this._headers = options.headers;
    const { board, limitMs } = options;
    if (limitMs !== undefined)
      this._limit = board.clock.set(() => this._fail(`no answer within ${limitMs / 1000} s`), limitMs);
    this._connect();
  }

  close(): void {
    this._isOver = true;
    this._options.board.clock.clear(this._limit);
    this._disconnect();
  }

  /**
   * Requests the same URL with other headers, over the same connection if the server has kept it. May be called by
   * `onDone` of a persistent connection; the callbacks are called again.
   */
  again(headers: Readonly<Record<string, string>>): void {
    this._headers = headers;
    if (!this._socket) {
      this._connect();
      return;
    }
    this._isReused = true;
    this._ask();
    this._send(this._roomBytes);
  }

  private _connect(): void {
    const { clock } = this._options.board;
    if (!this._url.tls || clock.epochMs() !== undefined) {
      this._request();
      return;
    }
    this._wait = new TimeWait(clock, (isKnown) => {
      if (isKnown) this._request();
      else this._fail(CLOCK_UNKNOWN_MESSAGE);
    });
  }

  private _request(): void {
    const { host, port } = this._url;
    const connection = ++this._connection;
    this._isOpen = false;
    this._isReused = false;
    this._ask();
    this._startTimeout(OPEN_TIMEOUT_MS, `${host} port ${port} does not answer`);
    this._options.board.resolve(host, (address) => {
      if (this._isOver || connection !== this._connection) return;
      if (address === undefined) this._fail(`the name ${host} has no address`);
      else this._open(address);
    });
  }

  /** Prepares the next request and the reader of its response. */
  private _ask(): void {
    const { host, port, path } = this._url;
    const { url, ownHeaders, isPersistent } = this._options;
    const connection = this._connection;
    this._hasBody = false;
    this._reader = new ResponseReader({
      onHead: (head) => this._handleHead(head),
      onBody: (bytes) => {
        // A redirect has a body of its own.
        if (this._isOver || connection !== this._connection) return;
        this._hasBody = true;
        this._options.onBody(bytes);
      },
    });
    const headers = {
      host: `${host}:${port}`,
      connection: isPersistent ? "keep-alive" : "close",
      ...this._headers,
      ...(host === url.host ? ownHeaders : {}),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this._unsent = encodeUTF8(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  private _open(address: string): void {
    const { tls, host, port } = this._url;
    const { TCP, TLS } = this._options.board.io;
    const handlers = {
      address,
      port,
      onWritable: (count: number) => this._send(count),
      onReadable: () => this._receive(),
      onError: () => this._handleError(),
    };
    try {
      this._socket = tls
        ? new TLS({
            ...handlers,
            host,
            onHandshakeFailed: (why) =>
              this._fail(`the TLS handshake with ${host} failed${why === undefined ? "" : `: ${why}`}`),
          })
        : new TCP(handlers);
    } catch {
      // The sockets are exhausted. Owners read this message, so it does not contain the engine's exception text.
      this._fail(`the station has no free connection for ${host} port ${port}`);
    }
  }

  private _send(count: number): void {
    this._isOpen = true;
    this._roomBytes = count;
    if (this._unsent.length === 0 || !this._socket) return;
    this._startTimeout(IDLE_TIMEOUT_MS, `${this._url.host} port ${this._url.port} does not answer`);
    while (this._roomBytes > 0 && this._unsent.length > 0) {
      const piece = this._unsent.subarray(0, this._roomBytes);
      this._unsent = this._unsent.subarray(piece.length);
      this._roomBytes = this._socket.write(piece);
    }
  }

  private _receive(): void {
    const bytes = this._isOver ? undefined : this._socket?.read();
    if (!bytes) return;
    this._isReused = false;
    const connection = this._connection;
    this._startTimeout(IDLE_TIMEOUT_MS, "no data for 15 s");
    const error = this._reader.push(asUint8Array(bytes));
    if (this._isOver || connection !== this._connection) return;
    if (error !== undefined) this._fail(error);
    else if (this._reader.isComplete) this._finish();
  }

  private _handleHead(head: ResponseHead): void {
    if (!REDIRECTS.includes(head.status)) {
      this._options.onHead(head);
      return;
    }
    const url = redirected(this._url, head.headers.get("location"));
    if (!url || this._redirects === MAX_REDIRECTS) {
      const why = url
        ? `more than ${MAX_REDIRECTS} redirects`
        : "the redirect is invalid or leads from TLS to plain text";
      this._fail(why);
      return;
    }
    this._redirects++;
    this._url = url;
    this._disconnect();
    this._connect();
  }

  private _handleError(): void {
    const { host, port } = this._url;
    if (!this._isOpen) this._fail(`${host} port ${port} refuses the connection`);
    else if (this._isReused) {
      // The server has closed the connection after the response before.
      this._disconnect();
      this._connect();
    } else if (this._reader.end()) {
      this._disconnect();
      this._finish();
    } else this._fail("the connection was lost", this._url.tls && !this._hasBody);
  }

  private _finish(): void {
    if (this._options.isPersistent) this._options.board.clock.clear(this._timer);
    else this.close();
    this._options.onDone();
  }

  private _fail(why: string, mayHaveLongRecords?: boolean): void {
    if (this._isOver) return;
    this.close();
    this._options.onFailed(why, mayHaveLongRecords);
  }

  private _startTimeout(durationMs: number, why: string): void {
    const { clock } = this._options.board;
    clock.clear(this._timer);
    this._timer = clock.set(() => this._fail(why), durationMs);
  }

  private _disconnect(): void {
    this._options.board.clock.clear(this._timer);
    this._wait?.close();
    this._socket?.close();
    this._socket = undefined;
  }
}
