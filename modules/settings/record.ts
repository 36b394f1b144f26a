import type { Board, Storage } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { messageOf } from "../errors/index.js";
import { formatJSON, type JSONObject, parseJSONObject } from "../json/index.js";

/** Storage format of one record: JSON with its version in `v` under one key, so that a write is atomic. */
export interface RecordFormat<T> {
  /** Storage key, 1-11 characters: `bad-<key>`, the key of an unreadable record, has at most 15. */
  readonly key: string;
  /** Version that this firmware writes. */
  readonly version: number;
  /**
   * Parses fields of any version, also of a newer one (after a firmware rollback); `undefined` when they are invalid.
   */
  parse(fields: JSONObject, version: number): T | undefined;
  /** Returns the fields to write, without `v`. */
  format(value: T): JSONObject;
  /** Whether the firmware must not write the record (`device`). An unreadable record then stays in place. */
  readonly readOnly?: boolean;
}

/** Opens records by their formats. */
export interface RecordSource {
  open<T>(format: RecordFormat<T>): StoredRecord<T>;
}

/**
 * One record in the storage. `write` throws the errors of the storage (full, broken). Errors of `read` and `clear` are
 * only reported.
 */
export class StoredRecord<T> {
  private readonly _storage: Storage;
  private readonly _format: RecordFormat<T>;
  private readonly _board: Pick<Board, "log">;

  constructor(options: { storage: Storage; format: RecordFormat<T>; board: Pick<Board, "log"> }) {
    this._storage = options.storage;
    this._format = options.format;
    this._board = options.board;
  }

  /**
   * Reads the record; `undefined` when it is missing or unreadable. An unreadable record is set aside and reported.
   */
  read(): T | undefined {
    let bytes: ArrayBuffer | undefined;
    try {
      bytes = this._storage.read(this._format.key);
    } catch (error) {
      this._reportFailure("read", error);
    }
    if (bytes === undefined) return undefined;
    const fields = parseJSONObject(bytes);
    const version = fields?.v;
    if (fields && typeof version === "number" && Number.isInteger(version) && version >= 1) {
      const value = this._format.parse(fields, version);
      if (value !== undefined) return value;
    }
    this._setAside(bytes);
    return undefined;
  }

  /** Writes the record. Throws when the storage fails or the record is read-only. */
  write(value: T): void {
    if (this._format.readOnly) throw new Error(`the record "${this._format.key}" is read-only`);
    const fields = { v: this._format.version, ...this._format.format(value) };
    this._storage.write(this._format.key, encodeUTF8(formatJSON(fields)));
  }

  /** Writes the record. Returns the error message of the storage, if any. */
  tryWrite(value: T): string | undefined {
    try {
      this.write(value);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Deletes the record. Throws when the record is read-only. */
  clear(): void {
    if (this._format.readOnly) throw new Error(`the record "${this._format.key}" is read-only`);
    try {
      this._storage.delete(this._format.key);
    } catch (error) {
      this._reportFailure("deleted", error);
    }
  }

  /** Reports a storage error. A broken flash must not stop the station. */
  private _reportFailure(what: string, error: unknown): void {
    this._board.log(`settings: the record "${this._format.key}" cannot be ${what}: ${messageOf(error)}`);
  }

  private _setAside(bytes: ArrayBuffer): void {
    const { key, readOnly } = this._format;
    if (readOnly) {
      this._board.log(`settings: the record "${key}" cannot be read; provision the station again`);
      return;
    }
    this._board.log(
      `settings: the record "${key}" cannot be read; kept as "bad-${key}"; the station continues without it`,
    );
    try {
      this._storage.write(`bad-${key}`, bytes);
      this._storage.delete(key);
    } catch {
      this._board.log(`settings: no room to set the record "${key}" aside; it stays in place`);
    }
  }
}
