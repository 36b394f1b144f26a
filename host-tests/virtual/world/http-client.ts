/** One HTTP/1.1 request over a board-shaped socket, as an app in the station's network sends it. */

import type { Clock, IO, TCP, TCPConstructor, Timer } from "../../../modules/board/index.js";
import { concatBytes, decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";

export interface HTTPRequestOptions {
  readonly TCP: TCPConstructor;
  readonly clock: Clock;
  readonly address: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Timeout, ms; default 20 s. */
  readonly timeoutMs?: number;
  /** Called once. */
  readonly onDone: (outcome: HTTPOutcome) => void;
}

export type HTTPOutcome =
  | {
      readonly status: number;
      readonly headers: ReadonlyMap<string, string>;
      /** Empty if the body is not text. */
      readonly body: string;
      readonly bodyBytes: Uint8Array<ArrayBuffer>;
    }
  | { readonly failure: string };

const TIMEOUT_MS = 20_000;

export function httpRequest(options: HTTPRequestOptions): IO {
  const { body: given = "" } = options;
  const body = typeof given === "string" ? encodeUTF8(given) : given;
  const headers = { host: options.address, ...options.headers };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (options.body !== undefined) lines.push(`content-length: ${body.length}\r\n`);
  const head = `${options.method} ${options.path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  return exchange({ ...options, request: concatBytes(encodeUTF8(head), body) });
}

export interface Exchange extends IO {
  /** Sends further bytes. */
  send(bytes: Uint8Array<ArrayBuffer>): void;
}

/** Sends raw bytes and reads the response. */
export function exchange(
  options: Pick<HTTPRequestOptions, "TCP" | "clock" | "address" | "port" | "timeoutMs" | "onDone"> & {
    readonly request: Uint8Array<ArrayBuffer>;
  },
): Exchange {
  const { TCP, clock, address, port } = options;
  let unsent = options.request;
  let room = 0;
  let received: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let timer: Timer | undefined;
  let socket: TCP | undefined;
  const flush = () => {
    while (socket && room > 0 && unsent.length > 0) {
      const piece = unsent.subarray(0, room);
      unsent = unsent.subarray(piece.length);
      room = socket.write(piece);
    }
  };
  const finish = (outcome: HTTPOutcome) => {
    clock.clear(timer);
    socket?.close();
    socket = undefined;
    options.onDone(outcome);
  };
  timer = clock.set(() => finish({ failure: "no answer in time" }), options.timeoutMs ?? TIMEOUT_MS);
  const opened = new TCP({
    address,
    port,
    onWritable: (count) => {
      room = count;
      flush();
    },
    onReadable: () => {
      received = concatBytes(received, opened.read() ?? new ArrayBuffer(0));
      const response = parseResponse(received);
      if (response) finish(response);
    },
    onError: () => finish({ failure: received.length > 0 ? "the response broke off" : "no connection" }),
  });
  socket = opened;
  return {
    send(bytes) {
      unsent = concatBytes(unsent, bytes);
      flush();
    },
    close() {
      clock.clear(timer);
      socket = undefined;
      opened.close();
    },
  };
}

/** Parses a response; `undefined` while it is incomplete. A station's response has a length or no body. */
function parseResponse(bytes: Uint8Array<ArrayBuffer>): HTTPOutcome | undefined {
  const end = indexOfEmptyLine(bytes);
  if (end < 0) return undefined;
  const [statusLine = "", ...lines] = (decodeUTF8(bytes.subarray(0, end)) ?? "").split("\r\n");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const bodyBytes = bytes.slice(end + 4);
  if (bodyBytes.length < Number(headers.get("content-length") ?? 0)) return undefined;
  return { status: Number(statusLine.split(" ")[1]), headers, body: decodeUTF8(bodyBytes) ?? "", bodyBytes };
}

function indexOfEmptyLine(bytes: Uint8Array<ArrayBuffer>): number {
  for (let i = bytes.indexOf(13); i >= 0; i = bytes.indexOf(13, i + 1)) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i;
  }
  return -1;
}
