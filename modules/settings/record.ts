import type { Storage } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { type JSONObject, parseJSONObject } from "../json/index.js";

/** How one concern stands in the storage: JSON with its version in `v`, under one key, so that a write is atomic. */
export interface RecordFormat<T> {
  /** 1-11 characters, so that the key it is set aside under (`bad-<key>`) has at most 15. */
  readonly key: string;
  /** What this firmware writes. */
  readonly version: number;
  /**
   * The record, of fields that any version has written, a newer one too (after a rollback of the firmware);
   * `undefined` when they make no record.
   */
  parse(fields: JSONObject, version: number): T | undefined;
  /** The fields to write, without `v`. */
  format(value: T): JSONObject;
  /** The firmware may not write it (`device`): an unreadable one stays where it is. */
  readonly readOnly?: boolean;
}

/**
 * One record in the storage. Storage errors (full, broken) of a write pass through to the caller; a reading or a
 * deletion that fails is reported, and everything goes on.
 */
export class StoredRecord<T> {
  private _storage: Storage;
  private _format: RecordFormat<T>;
  private _report: (line: string) => void;

  constructor(options: { storage: Storage; format: RecordFormat<T>; report: (line: string) => void }) {
    this._storage = options.storage;
    this._format = options.format;
    this._report = options.report;
  }

  /** `undefined` when there is none, or none that can be read: that one is set aside and reported. */
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

  write(value: T): void {
    if (this._format.readOnly)
      throw new Error(`the record "${this._format.key}" is not the firmware's to write`);
    const fields = { v: this._format.version, ...this._format.format(value) };
    this._storage.write(this._format.key, encodeUTF8(JSON.stringify(fields)));
  }

  clear(): void {
    if (this._format.readOnly)
      throw new Error(`the record "${this._format.key}" is not the firmware's to delete`);
    try {
      this._storage.delete(this._format.key);
    } catch (error) {
      this._reportFailure("deleted", error);
    }
  }

  /** What a broken flash throws keeps no station from starting, or from going on. */
  private _reportFailure(what: string, error: unknown): void {
    if (!(error instanceof Error)) throw error;
    this._report(`settings: the record "${this._format.key}" cannot be ${what}: ${error.message}`);
  }

  private _setAside(bytes: ArrayBuffer): void {
    const { key, readOnly } = this._format;
    if (readOnly) {
      this._report(`settings: the record "${key}" cannot be read; provision the station again`);
      return;
    }
    this._report(`settings: the record "${key}" cannot be read; kept as "bad-${key}", going on without it`);
    try {
      this._storage.write(`bad-${key}`, bytes);
      this._storage.delete(key);
    } catch {
      this._report(`settings: no room to set the record "${key}" aside; it stays where it is`);
    }
  }
}
