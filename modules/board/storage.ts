import type { Bytes, IO } from "./io.js";

/**
 * Key-value storage, as `embedded:storage/key-value` on NVS: writing one key is atomic, nothing larger is.
 * Paths and keys are 1-15 ASCII characters, values at most 4000 bytes; what is not throws, and so does a write
 * when the storage is full. What failed has changed nothing.
 */
export interface Storage extends IO {
  read(key: string): ArrayBuffer | undefined;
  write(key: string, value: Bytes): void;
  /** A key that is not there is ignored. */
  delete(key: string): void;
  keys(): string[];
}
