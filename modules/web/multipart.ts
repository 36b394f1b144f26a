/** A form with files (multipart/form-data, RFC 7578), read as it comes: of a part only its name is kept. */

import { concatBytes, encodeUTF8 } from "../bytes/index.js";

export interface MultipartHandlers {
  /** Bytes of the part with this name. */
  onContent(name: string, bytes: Uint8Array<ArrayBuffer>): void;
}

/** RFC 2046 5.1.1: a boundary has at most as many characters. */
const MAX_BOUNDARY_CHARS = 70;
const findBoundary = (contentType: string) =>
  /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;"]+))\s*(?:;|$)/i.exec(contentType);
const isBoundary = (text: string) => /^[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]$/.test(text);
const findName = (head: string) =>
  /^content-disposition\s*:\s*form-data\s*;(?:.*;)?\s*name=(?:"([^"]*)"|([^\s;"]+))/im.exec(head);
/** Of a part's headers. */
const MAX_HEAD_BYTES = 1024;
const EMPTY_LINE = "\r\n\r\n";
const CR = 13;
const NOTHING = new Uint8Array(0);

/** The boundary that a `content-type` names; `undefined`: it is no such form. */
export function boundaryOf(contentType: string): string | undefined {
  const [, quoted, plain] = findBoundary(contentType) ?? [];
  const boundary = quoted ?? plain ?? "";
  return boundary.length <= MAX_BOUNDARY_CHARS && isBoundary(boundary) ? boundary : undefined;
}

/** `delimiter`: on the rest of a delimiter's line. `end`: what comes after the last delimiter means nothing. */
type State = "content" | "delimiter" | "head" | "end";

export class MultipartReader {
  private _handlers: MultipartHandlers;
  private _delimiter: Uint8Array<ArrayBuffer>;
  private _state: State = "content";
  /** Of the part whose content comes; `undefined` before the first. */
  private _part: string | undefined;
  /** What cannot be understood before more has come. The first delimiter has no line before it. */
  private _held: Uint8Array<ArrayBuffer> = encodeUTF8("\r\n");
  private _problem: string | undefined;

  constructor(boundary: string, handlers: MultipartHandlers) {
    this._delimiter = encodeUTF8(`\r\n--${boundary}`);
    this._handlers = handlers;
  }

  /** Takes the next bytes. Gives what is wrong, if something is, and then takes no more. */
  take(bytes: Uint8Array<ArrayBuffer>): string | undefined {
    if (this._problem) return this._problem;
    let rest = concatBytes(this._held, bytes);
    for (let before = -1; rest.length !== before && !this._problem; ) {
      before = rest.length;
      rest = this._step(rest);
    }
    this._held = rest;
    return this._problem;
  }

  /** Everything has come. Gives what is wrong. */
  finish(): string | undefined {
    return this._problem ?? (this._state === "end" ? undefined : "the form ends in the middle of a part");
  }

  /** Understands what it can, and gives what is left. */
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
        this._tell(bytes.subarray(0, at));
        if (same < delimiter.length) return bytes.slice(at);
        this._state = "delimiter";
        return bytes.slice(at + same);
      }
      at = bytes.indexOf(CR, at + 1);
    }
    this._tell(bytes);
    return NOTHING;
  }

  /** RFC 2046 5.1.1: `--` after the last delimiter; after the others nothing but blanks. */
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
    if (!/^(?:-|[ \t]*\r?)$/.test(text)) this._problem = "a boundary of the form has something after it";
    return bytes;
  }

  private _readHead(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const text = textOf(bytes.subarray(0, MAX_HEAD_BYTES));
    const end = text.indexOf(EMPTY_LINE);
    if (end < 0) {
      if (bytes.length > MAX_HEAD_BYTES) this._problem = "a part of the form has too long a head";
      return bytes;
    }
    const [, quoted, plain] = findName(text.slice(0, end)) ?? [];
    this._part = quoted ?? plain;
    if (this._part === undefined) this._problem = "a part of the form has no name";
    this._state = "content";
    return bytes.slice(end + EMPTY_LINE.length);
  }

  private _tell(bytes: Uint8Array<ArrayBuffer>): void {
    if (this._part !== undefined && bytes.length > 0) this._handlers.onContent(this._part, bytes);
  }
}

/** As Latin-1, so that a character is a byte; a name that is not ASCII is none that anybody looks for. */
function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
