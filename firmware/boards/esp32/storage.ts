import KeyValue from "embedded:storage/key-value";
import type { Bytes, Storage } from "../../../modules/board/index.js";

/** Maximum size of a value in NVS, bytes. */
const MAX_VALUE_BYTES = 4000;

/** The SDK's key-value storage, with the limits of NVS, which the SDK does not document. */
export class ChipStorage implements Storage {
  private readonly _store: ReturnType<typeof KeyValue.open>;

  constructor(path: string) {
    checkName("path", path);
    this._store = KeyValue.open({ path, format: "buffer" });
  }

  read(key: string): ArrayBuffer | undefined {
    checkName("key", key);
    return this._store.read(key);
  }

  write(key: string, value: Bytes): void {
    checkName("key", key);
    if (value.byteLength > MAX_VALUE_BYTES) throw new RangeError(`value too big: ${value.byteLength} bytes`);
    this._store.write(key, value);
  }

  delete(key: string): void {
    checkName("key", key);
    this._store.delete(key);
  }

  keys(): string[] {
    return [...this._store];
  }

  close(): void {
    this._store.close();
  }
}

/** NVS limits domains and keys to 15 characters. */
function checkName(what: string, name: string): void {
  if (!/^[\x21-\x7e]{1,15}$/.test(name))
    throw new RangeError(`${what} "${name}" must have 1-15 ASCII characters`);
}
