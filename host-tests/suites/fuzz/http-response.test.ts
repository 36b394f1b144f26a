/** Fuzzes the reader of a firmware server's response. Node's own client is the reference. */

import { type IncomingMessage, request } from "node:http";
import { Duplex } from "node:stream";
import { expect, jest, test } from "@jest/globals";
import { concatBytes, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { ResponseReader } from "../../../modules/updates/http-response.js";
import { fuzz, fuzzAsync, inPieces, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { same, withoutExtensions } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const SWITCHING_PROTOCOLS = 101;
const HOUR_MS = 60 * 60_000;
const VALID = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nworld",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;a=b\r\n, world\r\n0\r\nX: y\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\nETag: x\r\n\r\nhello",
  "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 204 No Content\r\n\r\n",
].map(encodeUTF8);
const WORDS = [
  "\r\n",
  "\n",
  "\r\n\r\n",
  "0\r\n\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "1",
  ": ",
];

jest.setTimeout(HOUR_MS);

interface Outcome {
  readonly status: number;
  /** Body that was passed on, in hexadecimal. */
  readonly body: string;
  readonly error: string | undefined;
  /** Whether the response is complete when its connection ends. */
  readonly isWhole: boolean;
}

function read(pieces: readonly Bytes[]): Outcome {
  let status = 0;
  let body: Bytes = new Uint8Array(0);
  let heads = 0;
  const reader = new ResponseReader({
    onHead: (head) => {
      heads++;
      status = head.status;
    },
    onBody: (bytes) => {
      if (heads !== 1) throw new Error("a body without a head");
      body = concatBytes(body, bytes);
    },
  });
  let error: string | undefined;
  for (const piece of pieces) {
    error = reader.push(piece);
    if (error !== undefined) break;
  }
  const isWhole = error === undefined && (reader.isComplete || reader.end());
  return { status, body: encodeHex(body), error, isWhole };
}

/** Reads a response by Node's own client: status and body, or `undefined` for an invalid or incomplete one. */
function reference(bytes: Bytes): Promise<readonly [number, string] | undefined> {
  return new Promise((done) => {
    const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, callback) => callback() });
    const asked = request({ method: "GET", createConnection: () => stream as never });
    const end = (result: readonly [number, string] | undefined) => {
      done(result);
      stream.destroy();
    };
    asked.on("response", (response: IncomingMessage) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => end([response.statusCode ?? 0, Buffer.concat(parts).toString("hex")]));
      response.on("error", () => end(undefined));
    });
    // Bytes after a complete response are invalid; it is read first.
    asked.on("error", () => setImmediate(() => end(undefined)));
    asked.end();
    stream.push(bytes);
    stream.push(null);
  });
}

const make = (random: Random) => mutated(random, random.pick(VALID), WORDS);

test(`${FUZZ_RUNS} responses are read the same in any pieces`, () => {
  let complete = 0;
  const runs = fuzz({
    seed: 31,
    make,
    check: (bytes, random) => {
      const whole = read([bytes]);
      const { body, ...outcome } = read(inPieces(random, bytes));
      same(outcome, { status: whole.status, error: whole.error, isWhole: whole.isWhole });
      if (whole.error === undefined) same(body, whole.body);
      if (whole.isWhole) complete++;
    },
  });
  expect(complete).toBeGreaterThan(runs / 10);
});

test(`${FUZZ_RUNS} responses are complete only as Node's client reads them`, async () => {
  let compared = 0;
  const runs = await fuzzAsync({
    seed: 32,
    make,
    check: async (bytes) => {
      const { status, body, isWhole } = read([bytes]);
      // After 101, Node expects another protocol.
      if (!isWhole || status === SWITCHING_PROTOCOLS) return;
      compared++;
      same([status, body], (await reference(bytes)) ?? (await reference(withoutExtensions(bytes))));
    },
  });
  expect(compared).toBeGreaterThan(runs / 10);
});
