/** Streaming reader of an HTTP/1.1 response (RFC 9112) with bounded memory. */

import { concatBytes, decodeUTF8 } from "../bytes/index.js";

/** Status and headers of a response. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. The last of repeated headers counts. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Callbacks of a `ResponseReader`. */
export interface ResponseHandlers {
  /** Receives the head of the final response. */
  onHead(head: ResponseHead): void;
  /** Receives the next bytes of the body. */
  onBody(bytes: Uint8Array<ArrayBuffer>): void;
}

/** Maximum length of the head including interim responses (1xx), and of the trailers, bytes. */
const MAX_HEAD_BYTES = 4096;
/** Maximum length of a chunk-size line or a trailer, bytes. */
const MAX_LINE_BYTES = 256;
const CR = 13;
const LF = 10;

/** Part of the response to which the next bytes belong. */
type Part =
  | { readonly type: "head" }
  | { readonly type: "body"; left: number }
  /** A body without a length; it ends with the connection. */
  | { readonly type: "rest" }
  | { readonly type: "chunk-size" }
  | { readonly type: "chunk"; left: number }
  | { readonly type: "chunk-end" }
  | { readonly type: "trailer" }
  | { readonly type: "done" };

/** Reads one response in pieces of any length. */
export class ResponseReader {
  private readonly _handlers: ResponseHandlers;
  private _part: Part = { type: "head" };
  /** Received part of the head or of a framing line. */
  private _line: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Bytes of interim heads, then of trailers. Both may repeat, so their sum is limited. */
  private _repeatedBytes = 0;

  constructor(handlers: ResponseHandlers) {
    this._handlers = handlers;
  }

  get isComplete(): boolean {
    return this._part.type === "done";
  }

  /** Ends the response with its connection. Returns whether the body is complete. */
  end(): boolean {
    if (this._part.type === "rest") this._part = { type: "done" };
    return this.isComplete;
  }

  /** Reads the next bytes. Returns an error as a sentence, if any; no call may follow an error. */
  push(bytes: Uint8Array<ArrayBuffer>): string | undefined {
    let left = bytes;
    while (left.length > 0) {
      const read = this._readPart(left);
      if (typeof read === "string") return read;
      left = left.subarray(read);
    }
    return undefined;
  }

  /** Reads bytes of the current part. Returns their number, or an error as a sentence. */
  private _readPart(bytes: Uint8Array<ArrayBuffer>): number | string {
    const part = this._part;
    switch (part.type) {
      case "head":
        return this._readHead(bytes);
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
        return this._readLine(bytes, part.type);
      case "done":
        return "the response is longer than announced";
    }
  }

  private _readHead(bytes: Uint8Array<ArrayBuffer>): number | string {
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
    if (!head) return "this is not an HTTP response";
    // The final response follows an interim one (100 Continue, 103 Early Hints).
    this._repeatedBytes = head.status < 200 ? headBytes : 0;
    if (head.status < 200) return end - before;
    const part = framing(head);
    if (!part) return "the length of the response is invalid";
    this._part = part;
    this._handlers.onHead(head);
    return end - before;
  }

  private _readLine(
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
      if (size === undefined) return "a chunk of the response has no size";
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

/** Offset after the empty line that ends the head; -1 when it is not found. */
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

/** Framing of the body (RFC 9112 6.3); `undefined` when its length is invalid. */
function framing({ status, headers }: ResponseHead): Part | undefined {
  if (status === 204 || status === 304) return { type: "done" };
  const coding = headers.get("transfer-encoding");
  if (coding !== undefined) return coding.toLowerCase() === "chunked" ? { type: "chunk-size" } : undefined;
  if (!headers.has("content-length")) return { type: "rest" };
  const length = contentLength(headers);
  if (length === undefined) return undefined;
  return length === 0 ? { type: "done" } : { type: "body", left: length };
}

/** Value of `content-length` in bytes; `undefined` when it is missing or invalid. */
export function contentLength(headers: ReadonlyMap<string, string>): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
