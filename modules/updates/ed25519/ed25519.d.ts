/**
 * Verifies an Ed25519 signature strictly by RFC 8032 (bundled by scripts/bundle-ed25519.js). Throws when the signature
 * does not have 64 bytes or the key 32.
 */
export function verifyEd25519(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
  sha512: (data: Uint8Array<ArrayBuffer>) => Uint8Array,
): boolean;
