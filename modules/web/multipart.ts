/** Streaming reader of a form with files (multipart/form-data, RFC 7578). */

import { concatBytes, encodeUTF8 } from "../bytes/index.js";

export interface MultipartHandlers {
  /** Receives the next bytes of the part with this name. */
  onContent(name: string, bytes: Uint8Array<ArrayBuffer>): void;
}

/** Maximum length of a boundary, characters (RFC 2046 5.1.1). */
const MAX_BOUNDARY_CHARS = 70;
const findBoundary = (contentType: string) =>
  /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;"]+))\s*(?:;|$)/i.exec(contentType);
const isBoundary = (text: string) => /^[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]$/.test(text);
const findName = (head: string) =>
  /^content-disposition\s*:\s*form-data\s*;(?:.*;)?\s*name=(?:"([^"]*)"|([^\s;"]+))/im.exec(head);
/** Maximum length of the headers of a part, bytes. */
const MAX_HEAD_BYTES = 1024;
const EMPTY_LINE = "\r\n\r\n";
const CR = 13;
const NOTHING = new Uint8Array(0);

/**
 * Returns the boundary in a `content-type`; `undefined` when it is not multipart/form-data or has no valid boundary.
 */
export function boundaryOf(contentType: string): string | undefined {
  const [, quoted, plain] = findBoundary(contentType) ?? [];
  const boundary = quoted ?? plain ?? "";
  return boundary.length <= MAX_BOUNDARY_CHARS && isBoundary(boundary) ? boundary : undefined;
}

/** `delimiter`: in the rest of a delimiter's line. `end`: after the last delimiter; further bytes are ignored. */
type State = "content" | "delimiter" | "head" | "end";

/** Reads one form in pieces of any length. It stores only the name of the current part. */
export class MultipartReader {
  private readonly _handlers: MultipartHandlers;
  private readonly _delimiter: Uint8Array<ArrayBuffer>;
  private _state: State = "content";
  /** Name of the current part; `undefined` before the first. */
  private _part: string | undefined;
  /** Bytes that need more input. Starts with a line end, because no line precedes the first delimiter. */
  private _held: Uint8Array<ArrayBuffer> = encodeUTF8("\r\n");
  private _problem: string | undefined;

  constructor(boundary: string, handlers: MultipartHandlers) {
    this._delimiter = encodeUTF8(`\r\n--${boundary}`);
    this._handlers = handlers;
  }

  /** Reads the next bytes. Returns an error as a sentence, if any; further bytes are then ignored. */
  push(bytes: Uint8Array<ArrayBuffer>): string | undefined {
    if (this._problem) return this._problem;
    let rest = concatBytes(this._held, bytes);
    for (let before = -1; rest.length !== before && !this._problem; ) {
      before = rest.length;
      rest = this._step(rest);
    }
    this._held = rest;
    return this._problem;
  }

  /** Ends the form. Returns an error as a sentence, if any. */
  finish(): string | undefined {
    return this._problem ?? (this._state === "end" ? undefined : "the form ends in the middle of a part");
  }

  /** Reads bytes in the current state. Returns the rest. */
  private _step(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    switch (this._state) {
      case "content":
        return this._readContent(bytes);
      case "delimiter":
        return this._readLine(bytes);
      case "head":
        return this._readHead(bytes);
      case "end":
        return NOTHING;
    }
  }

  private _readContent(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const delimiter = this._delimiter;
    let at = bytes.indexOf(CR);
    while (at >= 0) {
      let same = 0;
      while (same < delimiter.length && bytes[at + same] === delimiter[same]) same++;
      const isCutOff = at + same === bytes.length;
      if (same === delimiter.length || isCutOff) {
        this._reportContent(bytes.subarray(0, at));
        if (same < delimiter.length) return bytes.slice(at);
        this._state = "delimiter";
        return bytes.slice(at + same);
      }
      at = bytes.indexOf(CR, at + 1);
    }
    this._reportContent(bytes);
    return NOTHING;
  }

  /** Reads the rest of a delimiter's line: `--` after the last delimiter, else only blanks (RFC 2046 5.1.1). */
  private _readLine(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const text = textOf(bytes.subarray(0, MAX_BOUNDARY_CHARS));
    if (text.startsWith("--")) {
      this._state = "end";
      return NOTHING;
    }
    const line = /^[ \t]*\r\n/.exec(text)?.[0];
    if (line !== undefined) {
      this._state = "head";
      return bytes.slice(line.length);
    }
    if (!/^(?:-|[ \t]*\r?)$/.test(text)) this._problem = "a boundary of the form is followed by other text";
    return bytes;
  }

  private _readHead(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const text = textOf(bytes.subarray(0, MAX_HEAD_BYTES));
    const end = text.indexOf(EMPTY_LINE);
    if (end < 0) {
      if (bytes.length > MAX_HEAD_BYTES) this._problem = "the headers of a part of the form are too long";
      return bytes;
    }
    const [, quoted, plain] = findName(text.slice(0, end)) ?? [];
    this._part = quoted ?? plain;
    if (this._part === undefined) this._problem = "a part of the form has no name";
    this._state = "content";
    return bytes.slice(end + EMPTY_LINE.length);
  }

  private _reportContent(bytes: Uint8Array<ArrayBuffer>): void {
    if (this._part !== undefined && bytes.length > 0) this._handlers.onContent(this._part, bytes);
  }
}

/** Decodes bytes as Latin-1, one character a byte. Names of expected parts are ASCII. */
function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
