import type { Bytes } from "./io.js";

/** An incremental hash calculation. */
export interface Digest {
  write(data: Bytes): void;
  /** Returns the hash of everything written. `write` must not be called afterwards. */
  close(): ArrayBuffer;
}

/**
 * Cryptographic functions. A function that opens or decrypts a message returns `undefined` when the message is not
 * authentic or malformed. A key or iv of the wrong length throws.
 */
export interface Crypto {
  /** Opens AES-256-GCM (NIST SP 800-38D). `sealed` is ciphertext ‖ 16-byte tag, `iv` 12 bytes, `key` 32. */
  openGCM(message: { key: Bytes; iv: Bytes; additionalData: Bytes; sealed: Bytes }): ArrayBuffer | undefined;
  /** Decrypts AES-256-CBC (NIST SP 800-38A) and checks its PKCS#7 padding. `iv` is 16 bytes, `key` 32. */
  decryptCBC(message: { key: Bytes; iv: Bytes; data: Bytes }): ArrayBuffer | undefined;
  /** SHA-256 (FIPS 180-4), 32 bytes. */
  sha256(data: Bytes): ArrayBuffer;
  /** Starts a SHA-256 over data that is too large for memory. */
  startSHA256(): Digest;
  /** SHA-512 (FIPS 180-4), 64 bytes. */
  sha512(data: Bytes): ArrayBuffer;
  /** Returns cryptographically secure random bytes. */
  random(byteLength: number): ArrayBuffer;
}
