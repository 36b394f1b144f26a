/** Tests an update by the chip's TLS client from a server that sends records of 16 KB, which the station cannot read. */

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { afterEach, expect, test } from "@jest/globals";
import type { Board, Bytes, TCP, TLSConnectOptions } from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import { Download } from "../../../modules/updates/download.js";
import { Installation, parseURL } from "../../../modules/updates/index.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { maker } from "../../virtual/world/signer.js";
import { nodeHarness } from "../node-board/harness.js";
import { describeTLS, HAS_TLS_1_3, NAME } from "./tls-bench.js";

/** Delays up to this are pauses between attempts, which the test leaves out; longer ones are time limits. */
const LONGEST_PAUSE_MS = 5000;
const ROOM_BYTES = 8192;
const PIECE = /^bytes=(\d+)-(\d+)$/;

/** A TLS socket of the board by a client process. */
class ProcessTLS implements TCP {
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;
  readonly #process: ChildProcessWithoutNullStreams;
  #received = Buffer.alloc(0);
  #isClosed = false;

  constructor(options: TLSConnectOptions, process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    process.stdin.on("error", () => {});
    process.stderr.once("data", () => this.#isClosed || options.onWritable?.(ROOM_BYTES));
    process.stdout.on("data", (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      while (this.#received.length > 0 && !this.#isClosed) options.onReadable?.(this.#received.length);
    });
    process.once("close", () => this.#isClosed || options.onError?.());
  }

  read(byteLength = 1024): ArrayBuffer {
    const bytes = new Uint8Array(this.#received.subarray(0, byteLength)).buffer;
    this.#received = this.#received.subarray(byteLength);
    return bytes;
  }

  write(data: Bytes): number {
    this.#process.stdin.write(asUint8Array(data));
    return ROOM_BYTES;
  }

  close(): void {
    this.#isClosed = true;
    this.#process.stdin.end();
  }
}

describeTLS("an update over the chip's TLS from a server with long records", (bench) => {
  const image = makeImage({ version: 2, byteLength: 40_000 });
  const ranges: (string | undefined)[] = [];
  let harness: Awaited<ReturnType<typeof nodeHarness>> | undefined;

  afterEach(() => harness?.dispose());

  function answer({ headers }: IncomingMessage, response: ServerResponse): void {
    ranges.push(headers.range);
    const [, from = "0", to = String(image.length - 1)] = PIECE.exec(headers.range ?? "") ?? [];
    const piece = image.subarray(Number(from), Number(to) + 1);
    const last = Number(from) + piece.length - 1;
    response.writeHead(headers.range === undefined ? 200 : 206, {
      "content-length": piece.length,
      etag: '"two"',
      ...(headers.range !== undefined && { "content-range": `bytes ${from}-${last}/${image.length}` }),
    });
    response.end(piece);
  }

  function boardWith(board: Board, port: number): Board {
    class TLS extends ProcessTLS {
      constructor(options: TLSConnectOptions) {
        super(options, bench.client.pipe(bench.to(port)));
      }
    }
    const { clock } = board;
    return {
      ...board,
      resolve: (_host, done) => clock.set(() => done("127.0.0.1"), 0),
      io: { ...board.io, TLS },
      clock: {
        monotonicMs: () => clock.monotonicMs(),
        epochMs: () => clock.epochMs(),
        set: (callback, delayMs) => clock.set(callback, delayMs <= LONGEST_PAUSE_MS ? 0 : delayMs),
        repeat: (callback, periodMs) => clock.repeat(callback, periodMs),
        clear: (timer) => clock.clear(timer),
      },
    };
  }

  // A client with buffers of 16 KB reads them.
  if (HAS_TLS_1_3) {
    test.todo("is installed in pieces by a client with buffers of 4 KB");
    return;
  }
  test("is installed in pieces of 2 KB, after the first attempt was too long", async () => {
    const { cert, key } = bench.server;
    const port = await bench.listen(createServer({ cert, key, maxVersion: "TLSv1.2" }, answer));
    harness = await nodeHarness();
    const board = boardWith(harness.board, port);
    const { publicKey: trust } = maker;
    const outcome = new Promise<string>((done) => {
      new Download({
        board,
        url: parseURL(`https://${NAME}:${port}/image.bin`) as NonNullable<ReturnType<typeof parseURL>>,
        headers: {},
        expected: { version: 2 },
        begin: (expected) =>
          new Installation({
            board,
            productId: "plugpass",
            runningVersion: 1,
            trust,
            expected,
          }),
        onProgress: () => {},
        onDone: (installation) =>
          done(installation.finish({ signature: maker.sign(image) })?.code ?? "installed"),
        onRefused: ({ code }) => done(code),
        onFailed: done,
      });
    });
    expect(await outcome).toBe("installed");
    const [first, ...pieces] = ranges;
    expect(first).toBeUndefined();
    expect(pieces).toHaveLength(Math.ceil(image.length / 2048));
    expect(pieces.every((range) => PIECE.test(range ?? ""))).toBe(true);
  });
});
