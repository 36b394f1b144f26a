import type { Crypto } from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import { textField } from "../json/index.js";
import { keyField, type RecordFormat, type RecordSource } from "../settings/index.js";

const KEY_ID_BYTES = 8;

/** Key id in requests without a key: the first 8 bytes of the key's SHA-256, lower-case hex. */
export function keyIdOf(crypto: Pick<Crypto, "sha256">, key: Uint8Array<ArrayBuffer>): string {
  return encodeHex(new Uint8Array(crypto.sha256(key), 0, KEY_ID_BYTES));
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
    const key = keyField(fields, "key");
    return of && key ? { of, key } : undefined;
  },
  format: ({ of, key }) => ({ of, key: encodeHex(key) }),
};

/** Key of the platform's responses: the provisioned one, until the platform has replaced it. */
export class ResponseKey {
  private readonly _crypto: Pick<Crypto, "sha256">;
  private readonly _records: RecordSource;
  private readonly _provisioned: Uint8Array<ArrayBuffer>;
  private _bytes: Uint8Array<ArrayBuffer>;

  constructor(options: {
    crypto: Pick<Crypto, "sha256">;
    provisioned: Uint8Array<ArrayBuffer>;
    records: RecordSource;
  }) {
    this._crypto = options.crypto;
    this._records = options.records;
    this._provisioned = options.provisioned;
    const replaced = options.records.open(keyFormat).read();
    const isCurrent = replaced && replaced.of === keyIdOf(options.crypto, options.provisioned);
    this._bytes = isCurrent ? replaced.key : options.provisioned;
  }

  /** The key in use, 32 bytes. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this._bytes;
  }

  /** Replaces the key in one write. Returns the error message of the storage, if any; the previous key then stays. */
  replace(key: Uint8Array<ArrayBuffer>): string | undefined {
    const of = keyIdOf(this._crypto, this._provisioned);
    const problem = this._records.open(keyFormat).tryWrite({ of, key });
    if (problem === undefined) this._bytes = key;
    return problem;
  }
}
