import type { Board, IO, TCP, Timer } from "../board/index.js";
import { asUint8Array, encodeUTF8 } from "../bytes/index.js";
import { type ResponseHead, ResponseReader } from "./http-response.js";
import { type Place, redirected } from "./url.js";

export interface GetOptions {
  readonly board: Pick<Board, "clock" | "io" | "resolve">;
  readonly place: Place;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the response that counts, behind redirects. */
  readonly onHead: (head: ResponseHead) => void;
  readonly onBody: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** The body is whole. Nothing comes after this or `onFailed`. */
  readonly onDone: () => void;
  /** A sentence. The connection broke off, or was none. */
  readonly onFailed: (why: string) => void;
}

/** Name look-up, TCP and TLS together: a handshake in JavaScript takes seconds. */
const OPEN_TIMEOUT_MS = 20_000;
/** Until the next bytes come. */
const IDLE_TIMEOUT_MS = 15_000;
const MAX_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** One GET over HTTP/1.1, a connection for each. Callbacks never come from inside the constructor. */
export class Get implements IO {
  #options: GetOptions;
  #place: Place;
  #redirects = 0;
  #reader!: ResponseReader;
  #unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #socket: TCP | undefined;
  #timer: Timer | undefined;
  /** Counts connections, so that what belongs to an earlier one is told from the present. */
  #connection = 0;
  #isOpen = false;
  #isOver = false;

  constructor(options: GetOptions) {
    this.#options = options;
    this.#place = options.place;
    this.#connect();
  }

  close(): void {
    this.#isOver = true;
    this.#disconnect();
  }

  #connect(): void {
    const { host, port, path } = this.#place;
    const { board } = this.#options;
    const connection = ++this.#connection;
    this.#isOpen = false;
    this.#reader = new ResponseReader({
      onHead: (head) => this.#followHead(head),
      onBody: (bytes) => {
        // A redirect has a body of its own.
        if (!this.#isOver && connection === this.#connection) this.#options.onBody(bytes);
      },
    });
    const headers = { host: `${host}:${port}`, connection: "close", ...this.#options.headers };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#unsent = encodeUTF8(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
    this.#wait(OPEN_TIMEOUT_MS, `${host} port ${port} does not answer`);
    board.resolve(host, (address) => {
      if (this.#isOver || connection !== this.#connection) return;
      if (address === undefined) this.#fail(`the name ${host} has no address`);
      else this.#open(address);
    });
  }

  #open(address: string): void {
    const { tls, host, port } = this.#place;
    const { TCP, TLS } = this.#options.board.io;
    const handlers = {
      address,
      port,
      onWritable: (count: number) => this.#send(count),
      onReadable: () => this.#receive(),
      onError: () => this.#lose(),
    };
    try {
      this.#socket = tls
        ? new TLS({
            ...handlers,
            host,
            onHandshakeFailed: () => this.#fail(`the TLS handshake with ${host} failed`),
          })
        : new TCP(handlers);
    } catch (error) {
      // Sockets are a resource that runs out.
      const why = error instanceof Error ? error.message : "unknown";
      this.#fail(`no socket for ${host} port ${port}: ${why}`);
    }
  }

  #send(count: number): void {
    this.#isOpen = true;
    if (this.#unsent.length === 0 || !this.#socket) return;
    this.#wait(IDLE_TIMEOUT_MS, `${this.#place.host} port ${this.#place.port} does not answer`);
    for (let room = count; room > 0 && this.#unsent.length > 0; ) {
      const piece = this.#unsent.subarray(0, room);
      this.#unsent = this.#unsent.subarray(piece.length);
      room = this.#socket.write(piece);
    }
  }

  #receive(): void {
    const bytes = this.#isOver ? undefined : this.#socket?.read();
    if (!bytes) return;
    const connection = this.#connection;
    this.#wait(IDLE_TIMEOUT_MS, "nothing came for 15 s");
    const error = this.#reader.push(asUint8Array(bytes));
    if (this.#isOver || connection !== this.#connection) return;
    if (error !== undefined) this.#fail(error);
    else if (this.#reader.isComplete) this.#finish();
  }

  #followHead(head: ResponseHead): void {
    if (!REDIRECTS.includes(head.status)) {
      this.#options.onHead(head);
      return;
    }
    const place = redirected(this.#place, head.headers.get("location"));
    if (!place || this.#redirects === MAX_REDIRECTS) {
      const why = place ? `more than ${MAX_REDIRECTS} redirects` : "a redirect that leads nowhere safe";
      this.#fail(why);
      return;
    }
    this.#redirects++;
    this.#place = place;
    this.#disconnect();
    this.#connect();
  }

  #lose(): void {
    const { host, port } = this.#place;
    if (!this.#isOpen) this.#fail(`${host} port ${port} refuses the connection`);
    else if (this.#reader.end()) this.#finish();
    else this.#fail("the connection broke off");
  }

  #finish(): void {
    this.close();
    this.#options.onDone();
  }

  #fail(why: string): void {
    if (this.#isOver) return;
    this.close();
    this.#options.onFailed(why);
  }

  #wait(durationMs: number, why: string): void {
    const { clock } = this.#options.board;
    clock.clear(this.#timer);
    this.#timer = clock.set(() => this.#fail(why), durationMs);
  }

  #disconnect(): void {
    this.#options.board.clock.clear(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
  }
}
