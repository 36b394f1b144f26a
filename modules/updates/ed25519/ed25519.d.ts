/**
 * Ed25519 after RFC 8032, strictly (bundled: scripts/bundle-ed25519.js). The signature has 64 bytes and the key 32;
 * another length throws. `false`: not a signature of that message by that key.
 */
export function verifyEd25519(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
  sha512: (data: Uint8Array<ArrayBuffer>) => Uint8Array,
): boolean;
