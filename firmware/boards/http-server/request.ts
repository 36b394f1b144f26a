import { decodeUTF8 } from "../../../modules/bytes/index.js";

export interface Head {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: { readonly type: "length"; readonly byteLength: number } | { readonly type: "chunked" };
}

/** A token of RFC 9110 5.6.2. */
const isToken = (text: string) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
/** A request target (RFC 9112 3.2): visible ASCII. */
const isTarget = (text: string) => /^[!-~]+$/.test(text);
/** A field value (RFC 9110 5.5): visible ASCII, obs-text, spaces and tabs. */
const isFieldValue = (text: string) => /^[\t\x20-\x7e\x80-\uffff]*$/.test(text);
const isDecimal = (text: string) => /^\d{1,9}$/.test(text);

/** Parses the head of a request, without the empty line; `undefined` if it is not valid HTTP/1.1 (RFC 9112). */
export function parseHead(bytes: Uint8Array<ArrayBuffer>): Head | undefined {
  const text = decodeUTF8(bytes);
  if (text === undefined) return undefined;
  const [requestLine = "", ...lines] = text.split("\r\n");
  const [method = "", path = "", version, ...rest] = requestLine.split(" ");
  if (!isToken(method) || !isTarget(path) || version !== "HTTP/1.1" || rest.length > 0) return undefined;
  const headers = parseFields(lines);
  if (!headers) return undefined;
  const body = bodyOf(headers);
  return body && { method, path, headers, body };
}

function parseFields(lines: string[]): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (colon < 1 || !isToken(name) || !isFieldValue(value)) return undefined;
    const before = fields.get(name);
    // RFC 9112 6.3: refuse two lengths; they are a request smuggling attack.
    if (before !== undefined && name === "content-length") return undefined;
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

function bodyOf(headers: ReadonlyMap<string, string>): Head["body"] | undefined {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (coding !== undefined) {
    return coding.toLowerCase() === "chunked" && length === undefined ? { type: "chunked" } : undefined;
  }
  if (length === undefined) return { type: "length", byteLength: 0 };
  return isDecimal(length) ? { type: "length", byteLength: Number(length) } : undefined;
}

/** Decodes a body with chunked coding (RFC 9112 7.1), which may arrive in any pieces. */
export class ChunkedBody {
  private _line = "";
  private _left = 0;
  private _state: "size" | "data" | "data-end" | "trailer" | "done" = "size";

  get isDone(): boolean {
    return this._state === "done";
  }

  /** Returns the data in `bytes`; `undefined` if they violate the coding. */
  take(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] | undefined {
    const data: Uint8Array<ArrayBuffer>[] = [];
    let at = 0;
    while (at < bytes.length && this._state !== "done") {
      if (this._state === "data") {
        const piece = bytes.slice(at, at + this._left);
        data.push(piece);
        at += piece.length;
        this._left -= piece.length;
        if (this._left === 0) this._state = "data-end";
      } else {
        this._line += String.fromCharCode(bytes[at++] ?? 0);
        if (this._line.length > MAX_CHUNK_LINE_BYTES) return undefined;
        if (this._line.endsWith("\n") && !this._endLine()) return undefined;
      }
    }
    return data;
  }

  private _endLine(): boolean {
    const line = this._line;
    this._line = "";
    if (!line.endsWith("\r\n")) return false;
    switch (this._state) {
      case "size": {
        const size = /^([0-9a-fA-F]{1,6})(;.*)?\r\n$/.exec(line)?.[1];
        if (size === undefined) return false;
        this._left = Number.parseInt(size, 16);
        this._state = this._left === 0 ? "trailer" : "data";
        return true;
      }
      case "data-end":
        this._state = "size";
        return line === "\r\n";
      default:
        if (line === "\r\n") this._state = "done";
        return true;
    }
  }
}

const MAX_CHUNK_LINE_BYTES = 256;
