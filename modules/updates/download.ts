import { Backoff } from "../backoff/index.js";
import type { Board, IO, Timer } from "../board/index.js";
import { Get } from "./get.js";
import { contentLength, type ResponseHead } from "./http-response.js";
import type { Expectation, Installation } from "./installation.js";
import type { Refusal } from "./refusal.js";
import type { URLParts } from "./url.js";

export interface DownloadOptions {
  readonly board: Pick<Board, "clock" | "crypto" | "io" | "resolve">;
  readonly place: URLParts;
  readonly headers: Readonly<Record<string, string>>;
  /** For the server alone, not for where it redirects to. */
  readonly ownHeaders?: Readonly<Record<string, string>>;
  /** What the platform has said of the image. */
  readonly expected: Expectation;
  /** Begins to install what comes; also anew, when what came before turned out to be another image. */
  readonly begin: (expected: Expectation) => Installation;
  /** More has come: so many bytes, of so many if that is known. */
  readonly onProgress: (receivedBytes: number, size: number | undefined) => void;
  /** All of it has come and was taken piece by piece; the installation waits for its `finish`. */
  readonly onDone: (installation: Installation) => void;
  readonly onRefused: (refusal: Refusal) => void;
  /** It will not come, or not now. A sentence. */
  readonly onFailed: (why: string) => void;
}

/** Tries one after the other that bring nothing. */
const MAX_FRUITLESS_TRIES = 6;
/** Images that are begun from their first byte, in one download. */
const MAX_BEGINNINGS = 4;
const MIN_RETRY_MS = 2000;
const MAX_RETRY_MS = 60_000;
/** Whole, pauses not counted: 1.5 MB at 400 bytes a second. */
const LIMIT_MS = 60 * 60_000;

/**
 * One image from an HTTP server into an installation. What breaks off goes on where it was, by `Range`, as long as the
 * server says that it is the same image.
 */
export class Download implements IO {
  private _options: DownloadOptions;
  private _backoff: Backoff;
  private _installation: Installation | undefined;
  private _get: Get | undefined;
  private _retry: Timer | undefined;
  private _limit: Timer | undefined;
  /** Of the limit, what is left. */
  private _leftMs = LIMIT_MS;
  private _resumedMs = 0;
  /** A strong validator of what has come so far (RFC 9110 8.8.3), for `If-Range`. */
  private _etag: string | undefined;
  private _size: number | undefined;
  private _fruitlessTries = 0;
  private _beginnings = 0;
  private _isOver = false;

  /** Begins at once. */
  constructor(options: DownloadOptions) {
    this._options = options;
    const { random } = options.board.crypto;
    this._backoff = new Backoff({ minMs: MIN_RETRY_MS, maxMs: MAX_RETRY_MS, random });
    this.resume();
  }

  /** Leaves the connection; what has come stays. */
  pause(): void {
    if (this._limit === undefined) return;
    const { clock } = this._options.board;
    this._leftMs -= clock.monotonicMs() - this._resumedMs;
    clock.clear(this._limit);
    this._limit = undefined;
    clock.clear(this._retry);
    this._get?.close();
    this._get = undefined;
  }

  /** Goes on after a pause. */
  resume(): void {
    if (this._isOver || this._limit !== undefined) return;
    const { clock } = this._options.board;
    this._resumedMs = clock.monotonicMs();
    this._limit = clock.set(() => this._fail("it takes too long"), Math.max(0, this._leftMs));
    this._try();
  }

  /** Gives it up, unless it was handed over by `onDone`. */
  close(): void {
    if (!this._isOver) this._installation?.close();
    this._end();
  }

  private _try(): void {
    const { board, place, headers, ownHeaders } = this._options;
    const offset = this._installation?.receivedBytes ?? 0;
    const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    if (offset > 0 && this._etag !== undefined) range["if-range"] = this._etag;
    this._get = new Get({
      board,
      place,
      headers: { ...headers, ...range },
      ownHeaders,
      onHead: (head) => this._followHead(head, offset),
      onBody: (bytes) => this._take(bytes),
      onDone: () => this._finish(),
      onFailed: (why) => this._tryAgain(why),
    });
  }

  private _followHead(head: ResponseHead, offset: number): void {
    const { status, headers } = head;
    if (status === 206 && offset > 0) {
      if (!this._isTheSame(headers, new RegExp(`^bytes ${offset}-\\d+/(\\d{1,10})$`))) this._startAnew();
    } else if (status === 200) {
      this._begin(headers);
    } else if (status === 416) {
      // Nothing is behind the last byte: of an image whose end was lost on the way, all has come.
      if (offset > 0 && this._isTheSame(headers, new RegExp(`^bytes \\*/(${offset})$`))) this._finish();
      else this._startAnew();
    } else if (status >= 500 || status === 429 || status === 408) {
      this._tryAgain(`the server answers ${status}`);
    } else {
      this._fail(status === 404 ? "the server has no such image" : `the server answers ${status}`);
    }
  }

  /** What the server has is the image that was begun, by all it says; another total is another image whatever else it says. */
  private _isTheSame(headers: ResponseHead["headers"], contentRange: RegExp): boolean {
    const total = contentRange.exec(headers.get("content-range") ?? "")?.[1];
    if (total === undefined || (this._size !== undefined && Number(total) !== this._size)) return false;
    const etag = headers.get("etag");
    return etag === undefined || this._etag === undefined || etag === this._etag;
  }

  /** The image comes from its first byte. */
  private _begin(headers: ResponseHead["headers"]): void {
    if (++this._beginnings > MAX_BEGINNINGS) {
      this._fail(`it had to begin anew ${MAX_BEGINNINGS} times`);
      return;
    }
    const { expected } = this._options;
    const length = contentLength(headers);
    if (expected.size !== undefined && length !== undefined && length !== expected.size) {
      const message = `the image has ${length} bytes, and ${expected.size} were announced`;
      this._refuse({ code: "wrong-size", message });
      return;
    }
    this._size = expected.size ?? length;
    const etag = headers.get("etag");
    this._etag = etag?.startsWith('"') ? etag : undefined;
    this._installation?.close();
    this._installation = this._options.begin({ ...expected, size: this._size });
  }

  /** What has come belongs to another image. */
  private _startAnew(): void {
    this._forget();
    this._tryAgain("the image is another than before");
  }

  private _forget(): void {
    this._installation?.close();
    this._installation = undefined;
    this._etag = undefined;
    this._size = undefined;
  }

  private _take(bytes: Uint8Array<ArrayBuffer>): void {
    const installation = this._installation;
    if (!installation) return;
    const refusal = installation.write(bytes);
    if (refusal) {
      this._refuse(refusal);
      return;
    }
    this._fruitlessTries = 0;
    this._backoff.reset();
    this._options.onProgress(installation.receivedBytes, this._size);
  }

  private _finish(): void {
    const installation = this._installation;
    if (!installation) return;
    if (this._size !== undefined && installation.receivedBytes < this._size) {
      // A range may be shorter than what was asked for, and the end of a connection the end of nothing.
      this._tryAgain("the image ended before its end");
      return;
    }
    this._end();
    this._options.onDone(installation);
  }

  private _tryAgain(why: string): void {
    const { board, expected } = this._options;
    this._get?.close();
    if (++this._fruitlessTries >= MAX_FRUITLESS_TRIES) {
      this._fail(why);
      return;
    }
    // With neither a validator nor a hash nobody would notice that the second half is another image's.
    if (this._etag === undefined && expected.sha256 === undefined) this._forget();
    this._retry = board.clock.set(() => this._try(), this._backoff.next());
  }

  private _refuse(refusal: Refusal): void {
    this.close();
    this._options.onRefused(refusal);
  }

  private _fail(why: string): void {
    this.close();
    this._options.onFailed(why);
  }

  private _end(): void {
    this._isOver = true;
    const { clock } = this._options.board;
    clock.clear(this._limit);
    clock.clear(this._retry);
    this._get?.close();
  }
}
