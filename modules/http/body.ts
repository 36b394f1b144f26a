/** Maximum length of a line between chunks, bytes. */
const MAX_LINE_BYTES = 256;
/** Maximum length of all trailers, bytes. */
const MAX_TRAILER_BYTES = 4096;

/** Reads a body, which may arrive in any pieces, and decodes chunks (RFC 9112 7.1). */
export class BodyReader {
  private readonly _isChunked: boolean;
  /** Bytes of the body or of the current chunk that have not arrived. */
  private _leftBytes: number;
  private _state: "size" | "data" | "data-end" | "trailer" | "done";
  private _line = "";
  private _trailerBytes = 0;

  /** @param length length in bytes; `unknown`: the body ends with the connection */
  constructor(length: number | "chunked" | "unknown") {
    this._isChunked = length === "chunked";
    this._leftBytes = typeof length === "number" ? length : Number.POSITIVE_INFINITY;
    this._state = this._isChunked ? "size" : length === 0 ? "done" : "data";
  }

  get isDone(): boolean {
    return this._state === "done";
  }

  /** Number of bytes that have not arrived; `Infinity` if it is unknown. */
  get leftBytes(): number {
    return this._isChunked && !this.isDone ? Number.POSITIVE_INFINITY : this._leftBytes;
  }

  /**
   * Reads bytes up to the end of the body, and passes the data among them on. Returns their number, or an error as a
   * sentence; no call may follow an error.
   */
  read(bytes: Uint8Array<ArrayBuffer>, onData: (data: Uint8Array<ArrayBuffer>) => void): number | string {
    let at = 0;
    while (at < bytes.length && this._state !== "done") {
      if (this._state === "data") {
        const data = bytes.subarray(at, at + this._leftBytes);
        at += data.length;
        this._leftBytes -= data.length;
        if (this._leftBytes === 0) this._state = this._isChunked ? "data-end" : "done";
        onData(data);
      } else {
        this._line += String.fromCharCode(bytes[at++] ?? 0);
        const error = this._checkLine();
        if (error !== undefined) return error;
      }
    }
    return at;
  }

  /** Ends the body with its connection. Returns whether it is complete. */
  end(): boolean {
    if (this._state === "data" && this._leftBytes === Number.POSITIVE_INFINITY) this._state = "done";
    return this.isDone;
  }

  /** Handles the line between chunks when it is complete. Returns an error as a sentence, if any. */
  private _checkLine(): string | undefined {
    const line = this._line;
    if (line.length > MAX_LINE_BYTES) return "a line of the chunked body is too long";
    if (!line.endsWith("\n")) return undefined;
    this._line = "";
    const isEmpty = line === "\r\n";
    if (this._state === "size") {
      const size = /^0*([\da-f]{1,6})[ \t]*(?:;.*)?\r\n$/i.exec(line)?.[1];
      if (size === undefined) return "a chunk of the body has no size";
      this._leftBytes = Number.parseInt(size, 16);
      this._state = this._leftBytes === 0 ? "trailer" : "data";
    } else if (this._state === "data-end") {
      if (!isEmpty) return "a chunk of the body is longer than its size";
      this._state = "size";
    } else if (isEmpty) {
      this._state = "done";
    } else {
      this._trailerBytes += line.length;
      if (!line.endsWith("\r\n")) return "a trailer of the body is invalid";
      if (this._trailerBytes > MAX_TRAILER_BYTES) return "the trailers of the body are too long";
    }
    return undefined;
  }
}
