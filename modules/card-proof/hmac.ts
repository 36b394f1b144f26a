import type { Bytes, Crypto } from "../board/index.js";
import { asUint8Array, concatBytes } from "../bytes/index.js";

/** Block size of SHA-256, bytes (FIPS 180-4 section 1). */
const BLOCK_BYTES = 64;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** HMAC-SHA256 (RFC 2104), 32 bytes. A key longer than 64 bytes is hashed first. */
export function hmacSHA256(crypto: Pick<Crypto, "sha256">, key: Bytes, message: Bytes): ArrayBuffer {
  const short = asUint8Array(key.byteLength > BLOCK_BYTES ? crypto.sha256(key) : key);
  const pad = (value: number): Uint8Array<ArrayBuffer> => {
    const block = new Uint8Array(BLOCK_BYTES).fill(value);
    for (let i = 0; i < short.length; i++) block[i] = value ^ (short[i] ?? 0);
    return block;
  };
  const inner = crypto.sha256(concatBytes(pad(INNER_PAD), message));
  return crypto.sha256(concatBytes(pad(OUTER_PAD), inner));
}
