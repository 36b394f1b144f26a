/** Streaming reader of an HTTP/1.1 response with bounded memory. */

import { BodyReader, HeadReader, lengthOf } from "../http/index.js";

/** Status and headers of a response. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Callbacks of a `ResponseReader`. */
export interface ResponseHandlers {
  /** Receives the head of the final response. */
  onHead(head: ResponseHead): void;
  /** Receives the next bytes of the body. */
  onBody(bytes: Uint8Array<ArrayBuffer>): void;
}

/** Maximum length of the head including interim responses (1xx), bytes. */
const MAX_HEAD_BYTES = 4096;

/** Reads one response in pieces of any length. */
export class ResponseReader {
  private readonly _handlers: ResponseHandlers;
  private readonly _head = new HeadReader(MAX_HEAD_BYTES);
  /** `undefined` before the end of the head. */
  private _body: BodyReader | undefined;

  constructor(handlers: ResponseHandlers) {
    this._handlers = handlers;
  }

  get isComplete(): boolean {
    return this._body?.isDone === true;
  }

  /** Ends the response with its connection. Returns whether the body is complete. */
  end(): boolean {
    return this._body?.end() === true;
  }

  /** Reads the next bytes. Returns an error as a sentence, if any; no call may follow an error. */
  push(bytes: Uint8Array<ArrayBuffer>): string | undefined {
    let left = bytes;
    while (left.length > 0) {
      if (this.isComplete) return "the response is longer than announced";
      const read = this._body
        ? this._body.read(left, (data) => this._handlers.onBody(data))
        : this._readHead(left);
      if (typeof read === "string") return read;
      left = left.subarray(read);
    }
    return undefined;
  }

  private _readHead(bytes: Uint8Array<ArrayBuffer>): number | string {
    const read = this._head.read(bytes);
    if (read === undefined) return "the head of the response is too long";
    if (!this._head.isComplete) return read;
    const head = this._head.parse();
    const text = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [\t -\uffff]*)?$/.exec(head?.startLine ?? "")?.[1];
    if (!head || text === undefined) return "this is not an HTTP response";
    const status = Number(text);
    const { headers } = head;
    // The final response follows an interim one (100 Continue, 103 Early Hints). No HTTP follows a 101 (RFC 9110 15.2.2).
    if (status < 200 && status !== 101) return read;
    const length = status === 204 || status === 304 ? 0 : lengthOf(headers);
    if (length === undefined) return "the length of the response is invalid";
    this._body = new BodyReader(length);
    this._handlers.onHead({ status, headers });
    return read;
  }
}
