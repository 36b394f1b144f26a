/** Reads an HTTP/1.1 response as it comes (RFC 9112), with bounds. */

import { concatBytes, decodeUTF8 } from "../bytes/index.js";

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; of a repeated one the last. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface ResponseHandlers {
  onHead(head: ResponseHead): void;
  onBody(bytes: Uint8Array<ArrayBuffer>): void;
}

/** Of the head with all that comes before it (1xx), and of the trailers. */
const MAX_HEAD_BYTES = 4096;
/** Of a chunk's size with its extensions, or a trailer. */
const MAX_LINE_BYTES = 256;
const CR = 13;
const LF = 10;

/** What the bytes that come next are. */
type Part =
  | { readonly type: "head" }
  | { readonly type: "body"; left: number }
  /** Ends with the connection. */
  | { readonly type: "rest" }
  | { readonly type: "chunk-size" }
  | { readonly type: "chunk"; left: number }
  | { readonly type: "chunk-end" }
  | { readonly type: "trailer" }
  | { readonly type: "done" };

export class ResponseReader {
  private _handlers: ResponseHandlers;
  private _part: Part = { type: "head" };
  /** Of the head, or of a line of the framing, what has come. */
  private _line: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Of what may come again and again, what has come: interim heads, then trailers. */
  private _repeatedBytes = 0;

  constructor(handlers: ResponseHandlers) {
    this._handlers = handlers;
  }

  get isComplete(): boolean {
    return this._part.type === "done";
  }

  /** The connection has ended. `true`: what came is all of the body. */
  end(): boolean {
    if (this._part.type === "rest") this._part = { type: "done" };
    return this.isComplete;
  }

  /** Takes what has come. Gives what is wrong with it, if anything is; nothing may be pushed after that. */
  push(bytes: Uint8Array<ArrayBuffer>): string | undefined {
    let left = bytes;
    while (left.length > 0) {
      const taken = this._take(left);
      if (typeof taken === "string") return taken;
      left = left.subarray(taken);
    }
    return undefined;
  }

  /** How many of the bytes belonged to the present part, or what is wrong. */
  private _take(bytes: Uint8Array<ArrayBuffer>): number | string {
    const part = this._part;
    switch (part.type) {
      case "head":
        return this._takeHead(bytes);
      case "rest":
        this._handlers.onBody(bytes);
        return bytes.length;
      case "body":
      case "chunk": {
        const piece = bytes.subarray(0, part.left);
        part.left -= piece.length;
        if (part.left === 0) this._part = part.type === "body" ? { type: "done" } : { type: "chunk-end" };
        this._handlers.onBody(piece);
        return piece.length;
      }
      case "chunk-size":
      case "chunk-end":
      case "trailer":
        return this._takeLine(bytes, part.type);
      case "done":
        return "more came than the response has";
    }
  }

  private _takeHead(bytes: Uint8Array<ArrayBuffer>): number | string {
    const before = this._line.length;
    const all = concatBytes(this._line, bytes);
    const end = endOfHead(all, Math.max(0, before - 3));
    const headBytes = this._repeatedBytes + (end < 0 ? all.length : end);
    if (headBytes > MAX_HEAD_BYTES) return "the head of the response is too long";
    if (end < 0) {
      this._line = all;
      return bytes.length;
    }
    this._line = new Uint8Array(0);
    const head = parseHead(all.slice(0, end));
    if (!head) return "that is no HTTP response";
    // 100 Continue, 103 Early Hints: the response comes after them.
    this._repeatedBytes = head.status < 200 ? headBytes : 0;
    if (head.status < 200) return end - before;
    const part = framing(head);
    if (!part) return "the length of the response is none";
    this._part = part;
    this._handlers.onHead(head);
    return end - before;
  }

  private _takeLine(
    bytes: Uint8Array<ArrayBuffer>,
    type: "chunk-size" | "chunk-end" | "trailer",
  ): number | string {
    const at = bytes.indexOf(LF);
    const piece = at < 0 ? bytes : bytes.subarray(0, at + 1);
    this._line = concatBytes(this._line, piece);
    if (this._line.length > MAX_LINE_BYTES) return "a line of the chunked response is too long";
    if (at < 0) return piece.length;
    const line = (decodeUTF8(this._line) ?? "").trim();
    this._line = new Uint8Array(0);
    if (type === "chunk-size") {
      const size = /^([\da-fA-F]{1,8})(;|$)/.exec(line)?.[1];
      if (size === undefined) return "the chunked response has no size where one must be";
      const left = Number.parseInt(size, 16);
      this._part = left === 0 ? { type: "trailer" } : { type: "chunk", left };
    } else if (type === "chunk-end") {
      if (line !== "") return "a chunk of the response is longer than its size";
      this._part = { type: "chunk-size" };
    } else if (line === "") {
      this._part = { type: "done" };
    } else {
      this._repeatedBytes += line.length;
      if (this._repeatedBytes > MAX_HEAD_BYTES) return "the trailers of the response are too long";
    }
    return piece.length;
  }
}

/** Behind the empty line; -1 while there is none. */
function endOfHead(bytes: Uint8Array<ArrayBuffer>, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] === CR && bytes[at - 2] === LF) return at + 1;
  }
  return -1;
}

function parseHead(bytes: Uint8Array<ArrayBuffer>): ResponseHead | undefined {
  const [statusLine = "", ...lines] = (decodeUTF8(bytes) ?? "").split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})( |$)/.exec(statusLine)?.[1];
  if (status === undefined) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(status), headers };
}

/** RFC 9112 6.3; `undefined` for a length that is none. */
function framing({ status, headers }: ResponseHead): Part | undefined {
  if (status === 204 || status === 304) return { type: "done" };
  const coding = headers.get("transfer-encoding");
  if (coding !== undefined) return coding.toLowerCase() === "chunked" ? { type: "chunk-size" } : undefined;
  if (!headers.has("content-length")) return { type: "rest" };
  const length = contentLength(headers);
  if (length === undefined) return undefined;
  return length === 0 ? { type: "done" } : { type: "body", left: length };
}

/** Bytes of the body, where the head says so. */
export function contentLength(headers: ReadonlyMap<string, string>): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
