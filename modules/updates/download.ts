import { Backoff } from "../backoff/index.js";
import type { Board, IO, Timer } from "../board/index.js";
import { Get } from "./get.js";
import { contentLength, type ResponseHead } from "./http-response.js";
import type { Expectation, Installation } from "./installation.js";
import type { Refusal } from "./refusal.js";
import type { Place } from "./url.js";

export interface DownloadOptions {
  readonly board: Pick<Board, "clock" | "crypto" | "io" | "resolve">;
  readonly place: Place;
  readonly headers: Readonly<Record<string, string>>;
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
  #options: DownloadOptions;
  #backoff: Backoff;
  #installation: Installation | undefined;
  #get: Get | undefined;
  #retry: Timer | undefined;
  #limit: Timer | undefined;
  /** Of the limit, what is left. */
  #leftMs = LIMIT_MS;
  #resumedMs = 0;
  /** A strong validator of what has come so far (RFC 9110 8.8.3), for `If-Range`. */
  #etag: string | undefined;
  #size: number | undefined;
  #fruitlessTries = 0;
  #beginnings = 0;
  #isOver = false;

  /** Begins at once. */
  constructor(options: DownloadOptions) {
    this.#options = options;
    const { random } = options.board.crypto;
    this.#backoff = new Backoff({ minMs: MIN_RETRY_MS, maxMs: MAX_RETRY_MS, random });
    this.resume();
  }

  /** Leaves the connection; what has come stays. */
  pause(): void {
    if (this.#limit === undefined) return;
    const { clock } = this.#options.board;
    this.#leftMs -= clock.monotonicMs() - this.#resumedMs;
    clock.clear(this.#limit);
    this.#limit = undefined;
    clock.clear(this.#retry);
    this.#get?.close();
    this.#get = undefined;
  }

  /** Goes on after a pause. */
  resume(): void {
    if (this.#isOver || this.#limit !== undefined) return;
    const { clock } = this.#options.board;
    this.#resumedMs = clock.monotonicMs();
    this.#limit = clock.set(() => this.#fail("it takes too long"), Math.max(0, this.#leftMs));
    this.#try();
  }

  /** Gives it up, unless it was handed over by `onDone`. */
  close(): void {
    if (!this.#isOver) this.#installation?.close();
    this.#end();
  }

  #try(): void {
    const { board, place, headers } = this.#options;
    const offset = this.#installation?.receivedBytes ?? 0;
    const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    if (offset > 0 && this.#etag !== undefined) range["if-range"] = this.#etag;
    this.#get = new Get({
      board,
      place,
      headers: { ...headers, ...range },
      onHead: (head) => this.#followHead(head, offset),
      onBody: (bytes) => this.#take(bytes),
      onDone: () => this.#finish(),
      onFailed: (why) => this.#tryAgain(why),
    });
  }

  #followHead(head: ResponseHead, offset: number): void {
    const { status, headers } = head;
    if (status === 206 && offset > 0) {
      // Another total is another image, though its validator says otherwise.
      const total = new RegExp(`^bytes ${offset}-\\d+/(\\d{1,10})$`).exec(
        headers.get("content-range") ?? "",
      )?.[1];
      if (total === undefined || (this.#size !== undefined && Number(total) !== this.#size))
        this.#startAnew();
    } else if (status === 200) {
      this.#begin(headers);
    } else if (status === 416) {
      this.#startAnew();
    } else if (status >= 500 || status === 429 || status === 408) {
      this.#tryAgain(`the server answers ${status}`);
    } else {
      this.#fail(status === 404 ? "the server has no such image" : `the server answers ${status}`);
    }
  }

  /** The image comes from its first byte. */
  #begin(headers: ResponseHead["headers"]): void {
    if (++this.#beginnings > MAX_BEGINNINGS) {
      this.#fail(`it had to begin anew ${MAX_BEGINNINGS} times`);
      return;
    }
    const { expected } = this.#options;
    const length = contentLength(headers);
    if (expected.size !== undefined && length !== undefined && length !== expected.size) {
      const message = `the image has ${length} bytes, and ${expected.size} were announced`;
      this.#refuse({ code: "wrong-size", message });
      return;
    }
    this.#size = expected.size ?? length;
    const etag = headers.get("etag");
    this.#etag = etag?.startsWith('"') ? etag : undefined;
    this.#installation?.close();
    this.#installation = this.#options.begin({ ...expected, size: this.#size });
  }

  /** What has come belongs to another image. */
  #startAnew(): void {
    this.#forget();
    this.#tryAgain("the image is another than before");
  }

  #forget(): void {
    this.#installation?.close();
    this.#installation = undefined;
    this.#etag = undefined;
    this.#size = undefined;
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    const installation = this.#installation;
    if (!installation) return;
    const refusal = installation.write(bytes);
    if (refusal) {
      this.#refuse(refusal);
      return;
    }
    this.#fruitlessTries = 0;
    this.#backoff.reset();
    this.#options.onProgress(installation.receivedBytes, this.#size);
  }

  #finish(): void {
    const installation = this.#installation;
    if (!installation) return;
    this.#end();
    this.#options.onDone(installation);
  }

  #tryAgain(why: string): void {
    const { board, expected } = this.#options;
    this.#get?.close();
    if (++this.#fruitlessTries >= MAX_FRUITLESS_TRIES) {
      this.#fail(why);
      return;
    }
    // With neither a validator nor a hash nobody would notice that the second half is another image's.
    if (this.#etag === undefined && expected.sha256 === undefined) this.#forget();
    this.#retry = board.clock.set(() => this.#try(), this.#backoff.next());
  }

  #refuse(refusal: Refusal): void {
    this.close();
    this.#options.onRefused(refusal);
  }

  #fail(why: string): void {
    this.close();
    this.#options.onFailed(why);
  }

  #end(): void {
    this.#isOver = true;
    const { clock } = this.#options.board;
    clock.clear(this.#limit);
    clock.clear(this.#retry);
    this.#get?.close();
  }
}
