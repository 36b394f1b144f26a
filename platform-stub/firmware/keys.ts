/** The vendor's signing key: Ed25519, in a PEM file (PKCS #8) that nobody else reads. */

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Of a DER-encoded Ed25519 public key (RFC 8410), the key itself is the end. */
const PUBLIC_KEY_BYTES = 32;

/** Makes a key. Throws when the file is there already: a key that is lost is lost with every station that trusts it. */
export function makeKey(file: string): void {
  if (existsSync(file)) throw new Error(`${file} is there already`);
  const { privateKey } = generateKeyPairSync("ed25519");
  writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
}

/** What a firmware is built with (`config.updateKey`): 64 hex digits. */
export function publicKeyOf(file: string): string {
  const der = createPublicKey(readKey(file)).export({ type: "spki", format: "der" });
  return der.subarray(-PUBLIC_KEY_BYTES).toString("hex");
}

/** Over the 32 bytes of the image's SHA-256; 128 hex digits. */
export function signatureOf(file: string, image: Uint8Array): string {
  const digest = createHash("sha256").update(image).digest();
  return sign(null, digest, readKey(file)).toString("hex");
}

function readKey(file: string) {
  if (!existsSync(file))
    throw new Error(`there is no key ${file}; npm run sign -- key --out ${file} makes one`);
  try {
    const key = createPrivateKey(readFileSync(file));
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Nothing of the file goes into an error.
  }
  throw new Error(`${file} is no Ed25519 key in PEM`);
}
