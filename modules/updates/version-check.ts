import type { IO } from "../board/index.js";
import { concatBytes } from "../bytes/index.js";
import { parseJSONObject } from "../json/index.js";
import { Get, type GetOptions } from "./get.js";
import { parseVersionAnswer, type VersionAnswer } from "./version-answer.js";

export interface VersionCheckOptions extends Pick<GetOptions, "board" | "url" | "headers" | "ownHeaders"> {
  readonly onAnswer: (answer: VersionAnswer) => void;
  /** The check failed. `why` is a sentence for the owner. */
  readonly onFailed: (why: string) => void;
}

/** Maximum length of the answer, bytes. */
const MAX_ANSWER_BYTES = 2048;
/** Time limit, ms. */
const LIMIT_MS = 60_000;

/** Requests the version of the newest firmware from the server. */
export class VersionCheck implements IO {
  private readonly _options: VersionCheckOptions;
  private readonly _get: Get;
  private _status = 0;
  private _body: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(options: VersionCheckOptions) {
    this._options = options;
    this._get = new Get({
      ...options,
      limitMs: LIMIT_MS,
      onHead: ({ status }) => {
        this._status = status;
      },
      onBody: (bytes) => this._receive(bytes),
      onDone: () => this._finish(),
    });
  }

  /** Aborts the check without a callback. */
  close(): void {
    this._get.close();
  }

  private _receive(bytes: Uint8Array<ArrayBuffer>): void {
    this._body = concatBytes(this._body, bytes);
    if (this._body.length <= MAX_ANSWER_BYTES) return;
    this.close();
    this._options.onFailed("the answer to the version check is too long");
  }

  private _finish(): void {
    const { onAnswer, onFailed } = this._options;
    const fields = parseJSONObject(this._body);
    const answer = fields && parseVersionAnswer(fields);
    if (this._status !== 200) onFailed(`the server answers ${this._status} to the version check`);
    else if (answer) onAnswer(answer);
    else onFailed("the answer to the version check is invalid");
  }
}
