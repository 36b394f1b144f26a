import type { Bytes, IO } from "./io.js";

/**
 * Key-value storage, as `embedded:storage/key-value` on NVS. Writing one key is atomic; there are no transactions over
 * several keys. Paths and keys have 1-15 ASCII characters, values at most 4000 bytes; others throw. A write to a full
 * storage throws. A failed call changes nothing.
 */
export interface Storage extends IO {
  read(key: string): ArrayBuffer | undefined;
  write(key: string, value: Bytes): void;
  /** Deletes a key. Ignores a missing key. */
  delete(key: string): void;
  keys(): string[];
}
