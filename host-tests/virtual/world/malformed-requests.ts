/**
 * Malformed HTTP requests from a seed, with errors in the request line, headers, encodings, chunks and
 * multipart bodies.
 */

import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Random } from "./random.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** A sender's pieces, with a pause before each. A missing rest is never sent. */
export interface BadRequest {
  readonly pieces: readonly { readonly pauseMs: number; readonly bytes: Bytes }[];
  /** The sender disconnects after the last piece. */
  readonly hangsUp: boolean;
}

interface Head {
  method: string;
  target: string;
  version: string;
  headers: [name: string, value: string][];
}

export interface Ingredients {
  /** A valid `authorization` header. */
  readonly login: string;
  /** An invalid firmware image. */
  readonly image: Bytes;
}

/** Paths of requests. None restarts the station or changes the admin's login, even with a valid login. */
const PATHS = [
  "/healthcheck",
  "/status",
  "/scan",
  "/scan/v2",
  "/pair",
  "/",
  "/panel.js",
  "/generate_204",
  "/nothing",
];
const FIELDS = ["ssid", "psk", "wsp", "token", "host", "brport", "mqtts_port", "rootTopic"];
const ESCAPES = [
  "%",
  "%z",
  "%zz",
  "%00",
  "%ff",
  "%c3%28",
  "%ed%a0%80",
  "%f5",
  "+",
  "&",
  "=",
  "&&=&",
  "%26",
  "\u{1f50c}",
];
const ODD = ["\0", "\x01", "\t", "\r", "\n", "\r\n", "\x7f", "\x80", "é", " ", "  ", ":", ";", ",", '"'];
const LENGTHS = [
  "-1",
  "+1",
  "1e3",
  "0x10",
  " ",
  "",
  "abc",
  "1, 1",
  "99999999999999999999",
  "2147483648",
  "4294967296",
  "3.5",
];
const CODINGS = [
  "chunked",
  "Chunked",
  "gzip",
  "gzip, chunked",
  "chunked, chunked",
  "identity",
  "",
  "xchunked",
  " chunked",
];
const SIZES = [
  "",
  "-1",
  "g",
  "0x5",
  "fffffff",
  "ffffffffffffffff",
  "5;x",
  "5 ",
  " 5",
  "05",
  `5;${"x".repeat(300)}`,
];
const BOUNDARY = "----boundary";
const MAX_PAUSE_MS = 3000;
/** Pause, ms, that exceeds the timeout of a request. */
const SILENCE_MS = 11_000;

export function makeBadRequest(random: Random, ingredients: Ingredients): BadRequest {
  const kind = random.pick([
    spoilLine,
    spoilHeaders,
    spoilEncoding,
    spoilChunks,
    spoilMultipart,
    spoilBytes,
    spoilBytes,
  ]);
  return inPieces(random, kind(random, ingredients));
}

/** Makes an incomplete request. */
export function makeUnfinishedRequest(random: Random): Bytes {
  const whole = random.pick([
    "GET / HTTP/1.1\r\nHost: 192.168.4.1\r\nX",
    "POST /pair HTTP/1.1\r\nHost: 192.168.4.1\r\nContent-Length: 2000\r\n\r\nssid=",
    "POST /pair HTTP/1.1\r\nHost: 192.168.4.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nssi",
  ]);
  return encodeUTF8(whole.slice(0, random.int(whole.length + 1)));
}

function headOf(head: Head): Bytes {
  const lines = [
    `${head.method} ${head.target} ${head.version}`,
    ...head.headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return encodeUTF8(`${lines.join("\r\n")}\r\n\r\n`);
}

function goodHead(random: Random, { login }: Ingredients): Head {
  const headers: Head["headers"] = [["Host", "192.168.4.1"]];
  if (random.bool()) headers.push(["Authorization", random.bool(0.8) ? login : "Basic !"]);
  return { method: "GET", target: random.pick(PATHS), version: "HTTP/1.1", headers };
}

function form(random: Random): string {
  return Array.from({ length: random.int(12) }, () => {
    const value = Array.from({ length: random.int(4) }, () =>
      random.pick([...ESCAPES, "a", "1883", "x@y"]),
    ).join("");
    return `${random.pick([...FIELDS, ...ESCAPES])}=${value}`;
  }).join("&");
}

function spoilLine(random: Random, ingredients: Ingredients): Bytes {
  const head = goodHead(random, ingredients);
  const part = random.pick(["method", "target", "version"] as const);
  const at = random.int(head[part].length + 1);
  const odd = random.pick([...ODD, "x".repeat(random.int(6000))]);
  head[part] = random.pick([
    "",
    odd,
    head[part].slice(0, at) + odd + head[part].slice(at),
    head[part].toLowerCase(),
    random.pick(["HTTP/1.0", "HTTP/2", "HTTP/1.1.1", "ICY"]),
    random.pick(["*", "http://x/status", "//", "/..", "/%2e%2e", "x:1", `/pair?${form(random)}`]),
  ]);
  return headOf(head);
}

function spoilHeaders(random: Random, ingredients: Ingredients): Bytes {
  const head = goodHead(random, ingredients);
  for (let i = random.int(5); i >= 0; i--) {
    head.headers.push(
      random.pick<[string, string]>([
        [random.pick(ODD), "x"],
        ["", "x"],
        ["X", random.pick(ODD)],
        ["X", "y".repeat(random.int(5000))],
        ["X\r\n folded", "y"],
        ["Content-Length", random.pick(LENGTHS)],
        ["Transfer-Encoding", random.pick(CODINGS)],
        [
          "Authorization",
          random.pick(["", "Basic", "Basic =", "Bearer x", `Basic ${"A".repeat(random.int(900))}`]),
        ],
        ["Content-Type", random.pick(["", "multipart/form-data", "text/plain;", "a/b; boundary="])],
        ["If-None-Match", random.pick(['"', "*", "W/"])],
        ["Host", random.pick(["", "evil.example", "192.168.4.1:99999", "[::1]"])],
        ["Origin", random.pick(["null", "http://", "http://evil.example", "\t"])],
        ["__proto__", "x"],
        ["constructor", "x"],
      ]),
    );
  }
  return headOf(head);
}

function spoilEncoding(random: Random, ingredients: Ingredients): Bytes {
  const head = goodHead(random, ingredients);
  const fields = form(random);
  if (random.bool())
    return headOf({ ...head, target: `${random.pick(["/pair", "/setlearning"])}?${fields}` });
  const body = random.bool() ? encodeUTF8(fields) : random.bytes(random.int(3000));
  head.method = "POST";
  head.target = random.pick(["/pair", "/setlearning", "/changeowner"]);
  head.headers.push(["Content-Length", String(body.length + random.pick([0, 0, 0, 1, 100, -1]))]);
  return concatBytes(headOf(head), body);
}

function spoilChunks(random: Random, ingredients: Ingredients): Bytes {
  const head = goodHead(random, ingredients);
  head.method = "POST";
  head.target = random.pick(["/pair", "/firmware/upload"]);
  head.headers.push(["Transfer-Encoding", "chunked"]);
  const chunks = Array.from({ length: random.int(5) }, () => {
    const data = random.bytes(random.int(800));
    const size = random.bool(0.7) ? data.length.toString(16) : random.pick(SIZES);
    const end = random.bool(0.8) ? "\r\n" : random.pick(["", "\n", "\r", "xx"]);
    return concatBytes(encodeUTF8(`${size}\r\n`), data, encodeUTF8(end));
  });
  const last = random.pick(["0\r\n\r\n", "0\r\nX: y\r\n\r\n", "0\r\n", "", `0\r\n${"x".repeat(400)}`]);
  return concatBytes(headOf(head), ...chunks, encodeUTF8(last));
}

function spoilMultipart(random: Random, { login, image }: Ingredients): Bytes {
  const boundary = random.pick([BOUNDARY, BOUNDARY, "x".repeat(random.int(90)), "", "a b", "é", "\0"]);
  const pieces = Array.from({ length: random.int(5) }, () =>
    random.pick([
      encodeUTF8(`\r\n--${boundary}`),
      encodeUTF8(`\r\n--${boundary}--`),
      encodeUTF8(`--${boundary}\r\nContent-Disposition: form-data; name="f"\r\n\r\n`),
      encodeUTF8("Content-Disposition: form-data\r\n\r\n"),
      encodeUTF8("x".repeat(random.int(2000))),
      random.bytes(random.int(400)),
      image.slice(0, random.int(image.length)),
    ]),
  );
  const start = random.bool(0.7)
    ? encodeUTF8(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="f"\r\n\r\n`)
    : new Uint8Array(0);
  const body = concatBytes(start, ...pieces, encodeUTF8(random.bool() ? `\r\n--${BOUNDARY}--\r\n` : ""));
  return concatBytes(
    headOf({
      method: "POST",
      target: "/firmware/upload",
      version: "HTTP/1.1",
      headers: [
        ["Host", "192.168.4.1"],
        ["Authorization", login],
        [
          "Content-Type",
          `multipart/form-data; boundary=${random.pick([boundary, BOUNDARY, `"${boundary}"`])}`,
        ],
        ["Content-Length", String(body.length)],
      ],
    }),
    body,
  );
}

/** Makes a request with bytes changed, inserted or removed. */
function spoilBytes(random: Random, ingredients: Ingredients): Bytes {
  const make = random.pick([
    spoilEncoding,
    spoilChunks,
    spoilMultipart,
    () => headOf(goodHead(random, ingredients)),
  ]);
  const bytes = make(random, ingredients).slice();
  for (let i = random.int(4); i >= 0; i--) bytes[random.int(bytes.length)] = random.int(256);
  const [from, to] = [random.int(bytes.length), random.int(bytes.length)];
  if (random.bool(0.3)) return bytes.slice(0, from);
  return random.bool(0.3) ? concatBytes(bytes.slice(0, from), bytes.slice(to)) : bytes;
}

function inPieces(random: Random, bytes: Bytes): BadRequest {
  const pieces: { pauseMs: number; bytes: Bytes }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const byteLength = random.bool(0.5) ? bytes.length : 1 + random.int(bytes.length);
    const isSilent = random.bool(0.02);
    pieces.push({
      pauseMs: isSilent ? SILENCE_MS : random.bool(0.2) ? random.int(MAX_PAUSE_MS) : 0,
      bytes: bytes.slice(at, at + byteLength),
    });
    at += byteLength;
  }
  return { pieces, hangsUp: random.bool(0.1) };
}
