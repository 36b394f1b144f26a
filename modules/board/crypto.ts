import type { Bytes } from "./io.js";

/** A hash under way. */
export interface Digest {
  write(data: Bytes): void;
  /** The hash of everything that was written. Nothing may be written after it. */
  close(): ArrayBuffer;
}

/** `undefined` from a function that opens a message: do not trust it. A key or iv of a wrong length throws. */
export interface Crypto {
  /** AES-256-GCM (NIST SP 800-38D). `sealed` is ciphertext ‖ 16-byte tag, `iv` 12 bytes, `key` 32. */
  openGCM(message: { key: Bytes; iv: Bytes; additionalData: Bytes; sealed: Bytes }): ArrayBuffer | undefined;
  /** AES-256-CBC (NIST SP 800-38A) with PKCS#7 padding, which is checked. `iv` 16 bytes, `key` 32. */
  decryptCBC(message: { key: Bytes; iv: Bytes; data: Bytes }): ArrayBuffer | undefined;
  /** FIPS 180-4; 32 bytes. */
  sha256(data: Bytes): ArrayBuffer;
  /** The same of bytes that come piece by piece, for what is too large for the memory. */
  startSHA256(): Digest;
  /** FIPS 180-4; 64 bytes. */
  sha512(data: Bytes): ArrayBuffer;
  /** Cryptographically random. */
  random(byteLength: number): ArrayBuffer;
}
