import type { Crypto } from "../board/index.js";
import { decodeHex, encodeHex } from "../bytes/index.js";
import { textField } from "../json/index.js";
import type { RecordFormat, StoredRecord } from "../settings/index.js";

const KEY_BYTES = 32;
const KEY_ID_BYTES = 8;

/** Key id in requests without a key: the first 8 bytes of the key's SHA-256, lower-case hex. */
export function keyIdOf(crypto: Pick<Crypto, "sha256">, key: Uint8Array<ArrayBuffer>): string {
  return encodeHex(new Uint8Array(crypto.sha256(key), 0, KEY_ID_BYTES));
}

/** Parses a key of 64 hex digits; `undefined` for any other text. */
export function parseKey(text: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  const key = text === undefined ? undefined : decodeHex(text);
  return key?.length === KEY_BYTES ? key : undefined;
}

/** A key in place of the provisioned one. */
export interface ReplacedKey {
  /** Id of the provisioned key. A station that is provisioned again with another key ignores the record. */
  readonly of: string;
  readonly key: Uint8Array<ArrayBuffer>;
}

/** The record `key`: `{v, of, key}`. */
export const keyFormat: RecordFormat<ReplacedKey> = {
  key: "key",
  version: 1,
  parse(fields) {
    const of = textField(fields, "of", 2 * KEY_ID_BYTES);
    const key = parseKey(textField(fields, "key", 2 * KEY_BYTES));
    return of && key ? { of, key } : undefined;
  },
  format: ({ of, key }) => ({ of, key: encodeHex(key) }),
};

/** Key of the platform's responses: the provisioned one, until the platform has replaced it. */
export class ResponseKey {
  private readonly _record: Pick<StoredRecord<ReplacedKey>, "tryWrite">;
  private readonly _of: string;
  private _bytes: Uint8Array<ArrayBuffer>;

  constructor(options: {
    crypto: Pick<Crypto, "sha256">;
    provisioned: Uint8Array<ArrayBuffer>;
    record: Pick<StoredRecord<ReplacedKey>, "read" | "tryWrite">;
  }) {
    this._record = options.record;
    this._of = keyIdOf(options.crypto, options.provisioned);
    const replaced = options.record.read();
    this._bytes = replaced?.of === this._of ? replaced.key : options.provisioned;
  }

  /** The key in use, 32 bytes. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this._bytes;
  }

  /** Replaces the key in one write. Returns the error message of the storage, if any; the previous key then stays. */
  replace(key: Uint8Array<ArrayBuffer>): string | undefined {
    const problem = this._record.tryWrite({ of: this._of, key });
    if (problem === undefined) this._bytes = key;
    return problem;
  }
}
