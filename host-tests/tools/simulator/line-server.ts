import type { IO, ListenerConstructor, TCP, TCPConstructor } from "../../../modules/board/index.js";
import { concatBytes, decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";

/** Session of a client that sends text lines. */
export interface LineSession extends IO {
  /** Handles a line. Returns `false` if it does not understand the line; the server then disconnects. */
  take(line: string): boolean;
}

const MAX_LINE_BYTES = 4096;
/** Maximum number of bytes that a client leaves unread. The server then disconnects. */
const MAX_UNSENT_BYTES = 65_536;
const NEWLINE = 10;

/** Serves text lines over a board's sockets. */
export function serveLines(options: {
  readonly TCP: TCPConstructor;
  readonly Listener: ListenerConstructor;
  readonly port: number;
  readonly begin: (send: (line: string) => void) => LineSession;
}): IO {
  const listener = new options.Listener({
    port: options.port,
    onReadable: () => {
      for (let socket = listener.read(); socket; socket = listener.read())
        new LineConnection(socket, options);
    },
  });
  return listener;
}

class LineConnection {
  readonly #socket: TCP;
  readonly #session: LineSession;
  #received: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #isOpen = false;

  constructor(
    from: TCP,
    { TCP, begin }: { TCP: TCPConstructor; begin: (send: (line: string) => void) => LineSession },
  ) {
    this.#session = begin((line) => this.#send(line));
    this.#socket = new TCP({
      from,
      onReadable: () => this.#receive(),
      onWritable: () => {
        this.#isOpen = true;
        this.#flush();
      },
      onError: () => this.#close(),
    });
  }

  #close(): void {
    this.#isOpen = false;
    this.#socket.close();
    this.#session.close();
  }

  #receive(): void {
    this.#received = concatBytes(this.#received, this.#socket.read() ?? new ArrayBuffer(0));
    for (let end = this.#received.indexOf(NEWLINE); end >= 0; end = this.#received.indexOf(NEWLINE)) {
      const line = decodeUTF8(this.#received.slice(0, end));
      this.#received = this.#received.slice(end + 1);
      if (line === undefined || !this.#session.take(line.trim())) {
        this.#close();
        return;
      }
    }
    if (this.#received.length > MAX_LINE_BYTES) this.#close();
  }

  #send(line: string): void {
    this.#unsent = concatBytes(this.#unsent, encodeUTF8(`${line}\n`));
    if (this.#unsent.length > MAX_UNSENT_BYTES) this.#close();
    else this.#flush();
  }

  #flush(): void {
    if (!this.#isOpen || this.#unsent.length === 0) return;
    const piece = this.#unsent.slice(0, this.#socket.write(new Uint8Array(0)));
    if (piece.length === 0) return;
    this.#socket.write(piece);
    this.#unsent = this.#unsent.slice(piece.length);
  }
}
