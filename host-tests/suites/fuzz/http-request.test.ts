/** Fuzzes the chip's HTTP server: heads, bodies and chunks in any pieces. Node's own parser is the reference. */

import { createServer, type IncomingMessage, METHODS } from "node:http";
import { Duplex } from "node:stream";
import { expect, jest, test } from "@jest/globals";
import { makeHTTPServer } from "../../../firmware/boards/http-server/index.js";
import type { HTTPRequest, ListenerOptions, TCP, TCPFromOptions } from "../../../modules/board/index.js";
import {
  asUint8Array,
  concatBytes,
  decodeUTF8,
  encodeHex,
  encodeUTF8,
} from "../../../modules/bytes/index.js";
import { VirtualClock } from "../../virtual/world/clock.js";
import { fuzz, fuzzAsync, inPieces, mutated } from "../../virtual/world/fuzz.js";
import { makeBadRequest } from "../../virtual/world/malformed-requests.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { same, withoutExtensions, withoutTrailingSpace } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
const MAX_HEAD_BYTES = 4096;
const TIMEOUT_MS = 10_000;
const GOOD = encodeUTF8("GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
const VALID = [
  "GET /status?a=b HTTP/1.1\r\nHost: 192.168.4.1\r\nAccept: */*\r\n\r\n",
  "POST /pair HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nssid=a&psk=",
  "POST /pair HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nssid=\r\n6;a=b\r\n&psk=x\r\n0\r\nX: y\r\n\r\n",
  "POST /pair HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
].map(encodeUTF8);
const WORDS = [
  "\r\n",
  "\n",
  "\r\n\r\n",
  "0\r\n\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "transfer-encoding:identity\r\n",
  " HTTP/1.1",
  "GET / HTTP/1.1\r\n\r\n",
  ": ",
  ";x=",
  "\0",
];

jest.setTimeout(HOUR_MS);

/** The accepting side of a connection. Its peer is the test. */
class Peer implements TCP {
  static readonly writableBytes = 65_536;
  readonly remoteAddress = "192.168.4.2";
  readonly remotePort = 50_000;
  received: Bytes = new Uint8Array(0);
  isClosed = false;
  #from: Peer | undefined;
  #handlers: TCPFromOptions | undefined;
  #unread: Bytes = new Uint8Array(0);

  constructor(options?: TCPFromOptions) {
    if (!options) return;
    this.#from = options.from as Peer;
    this.#from.#handlers = options;
  }

  /** Sends bytes to the server. */
  send(bytes: Bytes): void {
    this.#unread = concatBytes(this.#unread, bytes);
    this.announce();
  }

  get unreadBytes(): number {
    return this.#unread.length;
  }

  announce(): void {
    if (this.#unread.length > 0 && !this.isClosed) this.#handlers?.onReadable?.(this.#unread.length);
  }

  read(): ArrayBuffer | undefined {
    const own = this.#from ?? this;
    const piece = own.#unread.slice(0, 1024);
    own.#unread = own.#unread.slice(piece.length);
    return piece.length > 0 ? piece.buffer : undefined;
  }

  write(data: ArrayBuffer | Bytes): number {
    const own = this.#from ?? this;
    own.received = concatBytes(own.received, asUint8Array(data));
    return Peer.writableBytes;
  }

  close(): void {
    (this.#from ?? this).isClosed = true;
  }
}

/** Outcome of a request. */
interface Outcome {
  /** Method, path, and body of a request that the server has accepted, the body in hexadecimal. */
  readonly accepted: readonly string[] | undefined;
  /** Status of the response. */
  readonly status: number;
}

/** The server, whose handlers answer each accepted request with 200. */
class Bench {
  readonly clock = new VirtualClock();
  #accepted: string[] | undefined;
  #isUsed = false;
  #calls: (() => void)[] = [];
  #waiting: Peer | undefined;
  #options: ListenerOptions | undefined;

  constructor() {
    const bench = this;
    class Listener {
      readonly port = 80;
      constructor(options: ListenerOptions) {
        bench.#options = options;
      }
      read(): TCP | undefined {
        const peer = bench.#waiting;
        bench.#waiting = undefined;
        return peer;
      }
      close(): void {}
    }
    const guard = {
      run: (call: () => void) => call(),
      soon: (call: () => void) => this.#calls.push(call),
      hold: () => () => {},
    };
    const HTTPServer = makeHTTPServer({
      TCP: Peer as never,
      Listener: Listener as never,
      clock: this.clock,
      guard,
    });
    new HTTPServer({
      port: 80,
      maxHeadBytes: MAX_HEAD_BYTES,
      maxConnections: 2,
      maxConnectionsPerAddress: 2,
      requestTimeoutMs: TIMEOUT_MS,
      onConnect: (connection) => {
        let request: HTTPRequest | undefined;
        let body: Bytes = new Uint8Array(0);
        connection.accept({
          onRequest: (given) => {
            if (this.#isUsed) throw new Error("two requests on one connection");
            this.#isUsed = true;
            request = given;
          },
          onReadable: () => {
            body = concatBytes(body, asUint8Array(connection.read() ?? new ArrayBuffer(0)));
          },
          onResponse: () => {
            this.#accepted = [request?.method ?? "", request?.path ?? "", encodeHex(body)];
            connection.respond({ status: 200, headers: new Map([["content-length", "0"]]) });
          },
        });
      },
    });
  }

  /** Sends a request in pieces, and waits until the server has closed the connection. */
  play(pieces: readonly Bytes[]): Outcome {
    const peer = new Peer();
    this.#accepted = undefined;
    this.#isUsed = false;
    this.#waiting = peer;
    this.#options?.onReadable?.(1);
    for (const piece of pieces) {
      peer.send(piece);
      this.#settle(peer);
    }
    for (let i = 0; i < 3 && !peer.isClosed; i++) {
      this.clock.advance(TIMEOUT_MS + 1);
      this.#settle(peer);
    }
    if (!peer.isClosed) throw new Error("the server does not close the connection");
    return { accepted: this.#accepted, status: statusOf(peer.received) };
  }

  #settle(peer: Peer): void {
    for (let i = 0; i < 100; i++) {
      const calls = this.#calls;
      const { unreadBytes } = peer;
      this.#calls = [];
      for (const call of calls) call();
      peer.announce();
      if (this.#calls.length === 0 && peer.unreadBytes === unreadBytes) return;
    }
    throw new Error("the server does not come to rest");
  }
}

/** Status of a response; throws unless it is one valid response. */
function statusOf(response: Bytes): number {
  const text = decodeUTF8(response) ?? "";
  const [, status = "", length = "", body = ""] =
    /^HTTP\/1\.[01] (\d{3}) [A-Z][\w ]+\r\n(?:[\w-]+: [^\r\n]*\r\n)*?content-length: (\d+)\r\n(?:[\w-]+: [^\r\n]*\r\n)*\r\n(.*)$/s.exec(
      text,
    ) ?? [];
  if (status === "" || body.length !== Number(length))
    throw new Error(`this is no response: ${JSON.stringify(text)}`);
  return Number(status);
}

/** Reads a request by Node's own parser: method, path and body, or `undefined` for an invalid one. */
class Reference {
  #onRequest: (request: IncomingMessage) => void = () => {};
  readonly #server = createServer({ requireHostHeader: false, keepAlive: false }, (request, response) => {
    this.#onRequest(request);
    response.on("error", () => {});
    // Bytes after a complete request are invalid; it is read first.
  }).on("clientError", (_error, socket) => setImmediate(() => socket.destroy()));

  /** Reads the first of these requests that is valid. */
  async readFirst(requests: readonly Bytes[]): Promise<readonly string[] | undefined> {
    for (const request of requests) {
      const read = await this.read(request);
      if (read) return read;
    }
    return undefined;
  }

  read(bytes: Bytes): Promise<readonly string[] | undefined> {
    return new Promise((done) => {
      const stream = new Duplex({
        read: () => {},
        write: (_chunk, _encoding, callback) => callback(),
      });
      const end = (result: readonly string[] | undefined) => {
        done(result);
        stream.destroy();
      };
      this.#onRequest = (request) => {
        const parts: Buffer[] = [];
        request.on("data", (part: Buffer) => parts.push(part));
        request.on("end", () =>
          end([request.method ?? "", request.url ?? "", Buffer.concat(parts).toString("hex")]),
        );
        request.on("error", () => end(undefined));
      };
      stream.on("close", () => end(undefined));
      this.#server.emit("connection", stream);
      stream.push(bytes);
      stream.push(null);
    });
  }
}

function makeRequest(random: Random): Bytes {
  if (random.bool(0.3)) {
    const { pieces } = makeBadRequest(random, { login: "Basic YWRtaW46eA==", image: new Uint8Array(64) });
    return concatBytes(...pieces.map(({ bytes }) => bytes));
  }
  return mutated(random, random.pick(VALID), WORDS);
}

test(`${FUZZ_RUNS} requests have the same outcome in any pieces, and the next good one is served`, () => {
  const bench = new Bench();
  const statuses = new Set<number>();
  fuzz({
    seed: 21,
    make: makeRequest,
    check: (bytes, random) => {
      const whole = bench.play([bytes]);
      const pieces = inPieces(random, bytes);
      same(bench.play(pieces), whole);
      statuses.add(whole.status);
      if (whole.accepted) same(whole.status, 200);
      if (random.int(50) > 0) return;
      same(bench.play([GOOD]), { accepted: ["GET", "/good", ""], status: 200 });
    },
  });
  expect([...statuses].sort()).toEqual([200, 400, 408, 431]);
});

test(`${FUZZ_RUNS} requests are accepted only as Node's parser reads them`, async () => {
  const bench = new Bench();
  const reference = new Reference();
  let compared = 0;
  const runs = await fuzzAsync({
    seed: 22,
    make: makeRequest,
    check: async (bytes) => {
      const { accepted } = bench.play([bytes]);
      const [method = "", target = ""] = accepted ?? [];
      // The server passes any method and target on: the router refuses what it does not know.
      if (!METHODS.includes(method) || !target.startsWith("/")) return;
      compared++;
      const trimmed = withoutTrailingSpace(bytes);
      same(accepted, await reference.readFirst([bytes, trimmed, withoutExtensions(trimmed)]));
    },
  });
  expect(compared).toBeGreaterThan(runs / 10);
});
