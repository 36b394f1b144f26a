import type { Crypto } from "../board/index.js";
import { verifyEd25519 } from "./ed25519/ed25519.js";

/** Length of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;
/** Length of an Ed25519 public key. */
export const PUBLIC_KEY_BYTES = 32;

/**
 * Verifies an Ed25519 signature (RFC 8032) over the 32 bytes of an image's SHA-256. Costs 1.9 million XS bytecodes,
 * 1-2 s on the chip, so callers verify each image once.
 *
 * @throws RangeError when the built-in key does not have 32 bytes
 */
export function isSignedBy(
  publicKey: Uint8Array<ArrayBuffer>,
  sha256: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  crypto: Pick<Crypto, "sha512">,
): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new RangeError(`the public key has ${publicKey.length} bytes, not ${PUBLIC_KEY_BYTES}`);
  }
  if (signature.length !== SIGNATURE_BYTES) return false;
  const sha512 = (data: Uint8Array<ArrayBuffer>) => new Uint8Array(crypto.sha512(data));
  return verifyEd25519(signature, sha256, publicKey, sha512);
}
