import type { Crypto } from "../board/index.js";
import { verifyEd25519 } from "./ed25519/ed25519.js";

export const SIGNATURE_BYTES = 64;
export const PUBLIC_KEY_BYTES = 32;

/**
 * Ed25519 (RFC 8032) over the 32 bytes of an image's SHA-256. Takes 1.9 million bytecodes of XS, a second or two of
 * the chip; so it is done once for an image.
 *
 * @throws RangeError for a key that has not 32 bytes: it is built in
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
