import { Backoff } from "../backoff/index.js";
import type { Board, IO, Timer } from "../board/index.js";
import { lengthOf } from "../http/index.js";
import { Get } from "./get.js";
import type { ResponseHead } from "./http-response.js";
import type { Expectation, Installation } from "./installation.js";
import type { Refusal } from "./refusal.js";
import type { URLParts } from "./url.js";

export interface DownloadOptions {
  readonly board: Pick<Board, "clock" | "crypto" | "io" | "resolve">;
  readonly url: URLParts;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers for the server of `url` only; redirects to other hosts do not receive them. */
  readonly ownHeaders?: Readonly<Record<string, string>>;
  /** Properties of the image that the platform announced. */
  readonly expected: Expectation;
  /** Starts an installation. Called again when the download has to start over with another image. */
  readonly begin: (expected: Expectation) => Installation;
  /** Reports the received bytes; `size` is the total in bytes, if known. */
  readonly onProgress: (receivedBytes: number, size: number | undefined) => void;
  /** The image is complete and written. The caller has to call `finish` of the installation. */
  readonly onDone: (installation: Installation) => void;
  /** The installation refused the image. */
  readonly onRefused: (refusal: Refusal) => void;
  /** The download failed. `why` is a sentence for the owner. */
  readonly onFailed: (why: string) => void;
}

/** Consecutive attempts without any data, after which the download fails. */
const MAX_EMPTY_ATTEMPTS = 6;
/** Maximum number of starts at the first byte in one download. */
const MAX_STARTS = 4;
const MIN_RETRY_MS = 2000;
const MAX_RETRY_MS = 60_000;
/**
 * Length of a requested range, bytes, from a TLS server whose records may be longer than the station's 4 KB: a server
 * puts no more into a record than it has to send.
 */
const PIECE_BYTES = 2048;
/** Time limit of the download without pauses, ms: allows 1.5 MB at 400 bytes/s. */
const LIMIT_MS = 60 * 60_000;

/**
 * Downloads one image from an HTTP server into an installation. After a lost connection it resumes with `Range` as long
 * as the server still has the same image.
 */
export class Download implements IO {
  private readonly _options: DownloadOptions;
  private readonly _backoff: Backoff;
  private _installation: Installation | undefined;
  private _get: Get | undefined;
  private _retry: Timer | undefined;
  private _limit: Timer | undefined;
  /** Remaining part of the time limit, ms. */
  private _leftMs = LIMIT_MS;
  private _resumedMs = 0;
  /** Strong validator of the image (RFC 9110 8.8.3), for `If-Range`. */
  private _etag: string | undefined;
  private _size: number | undefined;
  /** First byte of the current request. */
  private _offset = 0;
  /** Requests pieces of `PIECE_BYTES`. */
  private _isInPieces = false;
  private _emptyAttempts = 0;
  private _starts = 0;
  private _isOver = false;

  /** Starts the download. */
  constructor(options: DownloadOptions) {
    this._options = options;
    this._backoff = new Backoff({ minMs: MIN_RETRY_MS, maxMs: MAX_RETRY_MS, crypto: options.board.crypto });
    this.resume();
  }

  /** Closes the connection and keeps the received part. */
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

  /** Resumes after `pause`. */
  resume(): void {
    if (this._isOver || this._limit !== undefined) return;
    const { clock } = this._options.board;
    this._resumedMs = clock.monotonicMs();
    this._limit = clock.set(
      () => this._fail("the download took longer than an hour"),
      Math.max(0, this._leftMs),
    );
    this._try();
  }

  /** Aborts the download. An installation that `onDone` handed over stays open. */
  close(): void {
    if (!this._isOver) this._installation?.close();
    this._end();
  }

  private _try(): void {
    const { board, url, ownHeaders } = this._options;
    this._get = new Get({
      board,
      url,
      headers: this._nextHeaders(),
      ownHeaders,
      isPersistent: this._isInPieces,
      onHead: (head) => this._handleHead(head),
      onBody: (bytes) => this._write(bytes),
      onDone: () => this._finish(),
      onFailed: (why, mayHaveLongRecords) => {
        this._isInPieces ||= mayHaveLongRecords === true;
        this._scheduleRetry(why);
      },
    });
  }

  /** Headers of a request from the first missing byte on. */
  private _nextHeaders(): Readonly<Record<string, string>> {
    const from = this._installation?.receivedBytes ?? 0;
    this._offset = from;
    if (from === 0 && !this._isInPieces) return this._options.headers;
    const to = this._isInPieces ? from + PIECE_BYTES - 1 : "";
    const etag = from > 0 ? this._etag : undefined;
    return {
      ...this._options.headers,
      range: `bytes=${from}-${to}`,
      ...(etag !== undefined && { "if-range": etag }),
    };
  }

  private _handleHead(head: ResponseHead): void {
    const { status, headers } = head;
    const offset = this._offset;
    const firstPieceOf =
      offset === 0 ? /^bytes 0-\d+\/(\d{1,10})$/.exec(headers.get("content-range") ?? "")?.[1] : undefined;
    if (status === 206 && offset > 0) {
      if (!this._isTheSame(headers, new RegExp(`^bytes ${offset}-\\d+/(\\d{1,10})$`))) this._startOver();
    } else if (status === 206 && firstPieceOf !== undefined) {
      this._begin(headers, Number(firstPieceOf));
    } else if (status === 200) {
      const length = lengthOf(headers);
      this._begin(headers, typeof length === "number" ? length : undefined);
    } else if (status === 416) {
      // The range starts at the end of the image: everything was received before the connection was lost.
      if (offset > 0 && this._isTheSame(headers, new RegExp(`^bytes \\*/(${offset})$`))) this._finish();
      else this._startOver();
    } else if (status >= 500 || status === 429 || status === 408) {
      this._scheduleRetry(`the server answers ${status}`);
    } else {
      this._fail(status === 404 ? "the server has no such image" : `the server answers ${status}`);
    }
  }

  /** Whether the response continues the same image: its total size and its validator, where known, must match. */
  private _isTheSame(headers: ResponseHead["headers"], contentRange: RegExp): boolean {
    const total = contentRange.exec(headers.get("content-range") ?? "")?.[1];
    if (total === undefined || (this._size !== undefined && Number(total) !== this._size)) return false;
    const etag = headers.get("etag");
    return etag === undefined || this._etag === undefined || etag === this._etag;
  }

  /** Starts an installation from the first byte of the image. `length` is its size, if known. */
  private _begin(headers: ResponseHead["headers"], length: number | undefined): void {
    if (++this._starts > MAX_STARTS) {
      this._fail(`the download had to start over ${MAX_STARTS} times`);
      return;
    }
    const { expected } = this._options;
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

  /** Discards the received part, which belongs to another image, and retries. */
  private _startOver(): void {
    this._discard();
    this._scheduleRetry("the image on the server has changed");
  }

  private _discard(): void {
    this._installation?.close();
    this._installation = undefined;
    this._etag = undefined;
    this._size = undefined;
  }

  private _write(bytes: Uint8Array<ArrayBuffer>): void {
    const installation = this._installation;
    if (!installation) return;
    const refusal = installation.write(bytes);
    if (refusal) {
      this._refuse(refusal);
      return;
    }
    this._emptyAttempts = 0;
    this._backoff.reset();
    this._options.onProgress(installation.receivedBytes, this._size);
  }

  private _finish(): void {
    const installation = this._installation;
    if (!installation) return;
    if (this._size !== undefined && installation.receivedBytes < this._size) {
      if (this._isInPieces && installation.receivedBytes > this._offset) {
        this._get?.again(this._nextHeaders());
        return;
      }
      // A server may send a shorter range than requested, and a connection may end early.
      this._scheduleRetry("the image is incomplete");
      return;
    }
    this._end();
    this._options.onDone(installation);
  }

  private _scheduleRetry(why: string): void {
    const { board, expected } = this._options;
    this._get?.close();
    if (++this._emptyAttempts >= MAX_EMPTY_ATTEMPTS) {
      this._fail(why);
      return;
    }
    // Without validator and hash, a second half of another image would go unnoticed.
    if (this._etag === undefined && expected.sha256 === undefined) this._discard();
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
