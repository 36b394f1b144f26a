import type { TCP, TLSConnectOptions } from "../../../modules/board/index.js";
import { asUint8Array, concatBytes } from "../../../modules/bytes/index.js";
import type { Harness } from "./harness.js";

/** One end of a connection under test. It records the callbacks, and the bytes it reads while `reads` is set. */
export class End {
  readonly socket: TCP;
  readonly calls: string[] = [];
  received: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  writable = 0;
  /** Whether bytes are read as they arrive. */
  reads = true;
  onReadable: ((count: number) => void) | undefined;
  #unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** Connects to the board's own address, with TLS if a `host` is given, or takes over a socket. */
  constructor(harness: Harness, options: { port: number; host?: string } | { from: TCP }) {
    const { TCP, TLS } = harness.board.io;
    const handlers = this.#handlers();
    if ("from" in options) {
      this.socket = new TCP({ ...options, ...handlers });
      return;
    }
    const { port, host } = options;
    const target = { address: harness.ownAddress, port, ...handlers };
    this.socket = host === undefined ? new TCP(target) : new TLS({ ...target, host });
  }

  #handlers(): Omit<TLSConnectOptions, "address" | "port" | "host"> {
    return {
      onReadable: (count) => {
        this.calls.push("readable");
        this.onReadable?.(count);
        if (this.reads) this.drain();
      },
      onWritable: (count) => {
        this.calls.push("writable");
        this.writable = count;
        this.#flush();
      },
      onHandshakeFailed: () => {
        this.calls.push("handshake failed");
      },
      onError: () => {
        this.calls.push("error");
      },
    };
  }

  get isOpen(): boolean {
    return this.calls.includes("writable");
  }

  get isOver(): boolean {
    return this.calls.includes("error");
  }

  drain(): void {
    for (let bytes = this.socket.read(); bytes; bytes = this.socket.read()) {
      this.received = concatBytes(this.received, asUint8Array(bytes));
    }
  }

  /** Sends all bytes as the socket accepts them. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#unsent = concatBytes(this.#unsent, bytes);
    this.#flush();
  }

  get unsentBytes(): number {
    return this.#unsent.length;
  }

  get isSent(): boolean {
    return this.unsentBytes === 0;
  }

  #flush(): void {
    while (this.#unsent.length > 0 && this.writable > 0) {
      const piece = this.#unsent.slice(0, this.writable);
      this.#unsent = this.#unsent.subarray(piece.length);
      this.writable = this.socket.write(piece);
    }
  }
}

/** Both ends of one connection on a board, with its listener. */
export interface Pair {
  readonly client: End;
  readonly server: End;
  readonly port: number;
  close(): void;
}

export async function connectPair(harness: Harness): Promise<Pair> {
  let server: End | undefined;
  const listener = new harness.board.io.Listener({
    port: 0,
    onReadable: () => {
      const from = listener.read();
      if (from) server = new End(harness, { from });
    },
  });
  await harness.until("the listener listens", () => listener.port > 0);
  const client = new End(harness, { port: listener.port });
  await harness.until("both ends are open", () => client.isOpen && server?.isOpen === true);
  const both = { client, server: server as unknown as End, port: listener.port };
  return {
    ...both,
    close: () => {
      both.client.socket.close();
      both.server.socket.close();
      listener.close();
    },
  };
}
