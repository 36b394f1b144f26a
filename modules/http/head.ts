import { concatBytes, decodeUTF8 } from "../bytes/index.js";

export interface Head {
  /** Request line or status line. */
  readonly startLine: string;
  /** Values by lower-case name. Values of a repeated header are joined with commas (RFC 9110 5.3). */
  readonly headers: ReadonlyMap<string, string>;
}

/** Maximum number of header lines. Browsers send about 20. */
const MAX_FIELDS = 64;
const CR = 13;
const LF = 10;

/** Reads the head of a message, which may arrive in any pieces. */
export class HeadReader {
  private _leftBytes: number;
  private _bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private _isComplete = false;

  /** @param maxBytes maximum length with the empty line */
  constructor(maxBytes: number) {
    this._leftBytes = maxBytes;
  }

  get isComplete(): boolean {
    return this._isComplete;
  }

  /** Reads bytes up to the end of the head. Returns their number; `undefined` if the head is too long. */
  read(bytes: Uint8Array<ArrayBuffer>): number | undefined {
    const before = this._bytes.length;
    const all = concatBytes(this._bytes, bytes);
    const end = endOf(all, before - 3);
    this._isComplete = end >= 0;
    this._bytes = this._isComplete ? all.slice(0, end) : all;
    return this._bytes.length > this._leftBytes ? undefined : this._bytes.length - before;
  }

  /**
   * Parses the complete head; `undefined` if its text or its headers are invalid. The next bytes are those of another
   * head. The maximum length applies to all heads together.
   */
  parse(): Head | undefined {
    const text = decodeUTF8(this._bytes);
    this._leftBytes -= this._bytes.length;
    this._bytes = new Uint8Array(0);
    this._isComplete = false;
    if (text === undefined) return undefined;
    const [startLine = "", ...lines] = text.slice(0, -4).split("\r\n");
    const headers = parseFields(lines);
    return headers && { startLine, headers };
  }
}

/** Offset after the empty line; -1 if it has not arrived. */
function endOf(bytes: Uint8Array<ArrayBuffer>, from: number): number {
  for (let at = bytes.indexOf(CR, Math.max(0, from)); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + 4;
  }
  return -1;
}

function parseFields(lines: string[]): Map<string, string> | undefined {
  if (lines.length > MAX_FIELDS) return undefined;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const rawName = line.slice(0, Math.max(0, colon));
    const value = withoutBlanks(line.slice(colon + 1));
    // In lower case, U+212A would be a "k".
    if (!isToken(rawName) || !isFieldValue(value)) return undefined;
    const name = rawName.toLowerCase();
    const before = fields.get(name);
    // RFC 9112 6.3: refuse two lengths; they are a request smuggling attack.
    if (before !== undefined && name === "content-length") return undefined;
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

/** Removes spaces and tabs at both ends (RFC 9110 5.5). `trim()` would also remove a bare CR, which is invalid. */
function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** Whether a text is a token (RFC 9110 5.6.2). */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** Whether a text is a field value (RFC 9110 5.5): visible ASCII, obs-text, spaces and tabs. */
function isFieldValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\uffff]*$/.test(text);
}

/** Length of a body (RFC 9112 6.3); `unknown` without headers about it, `undefined` if they are invalid. */
export function lengthOf(headers: ReadonlyMap<string, string>): number | "chunked" | "unknown" | undefined {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (coding !== undefined) {
    return coding.toLowerCase() === "chunked" && length === undefined ? "chunked" : undefined;
  }
  if (length === undefined) return "unknown";
  return /^\d{1,9}$/.test(length) ? Number(length) : undefined;
}
