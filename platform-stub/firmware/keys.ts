/** The vendor's signing key: Ed25519, in a PEM file (PKCS #8) that only its owner can read. */

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Size of an Ed25519 public key, bytes. The key is the end of its DER encoding (RFC 8410). */
const PUBLIC_KEY_BYTES = 32;

/** Generates a key. Throws when the file exists: without the old key, stations that trust it could not be updated. */
export function makeKey(file: string): void {
  if (existsSync(file)) throw new Error(`${file} already exists`);
  const { privateKey } = generateKeyPairSync("ed25519");
  writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
}

/** The public key, 64 hex digits. A firmware is built with it (`config.updateKey`). */
export function publicKeyOf(file: string): string {
  const der = createPublicKey(readKey(file)).export({ type: "spki", format: "der" });
  return der.subarray(-PUBLIC_KEY_BYTES).toString("hex");
}

/** The signature of an image, 128 hex digits. It signs the 32 bytes of the image's SHA-256. */
export function signatureOf(file: string, image: Uint8Array): string {
  const digest = createHash("sha256").update(image).digest();
  return sign(null, digest, readKey(file)).toString("hex");
}

function readKey(file: string) {
  if (!existsSync(file))
    throw new Error(`the key ${file} does not exist; npm run sign -- key --out ${file} generates one`);
  try {
    const key = createPrivateKey(readFileSync(file));
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // The error must not contain the file's content.
  }
  throw new Error(`${file} is not an Ed25519 key in PEM format`);
}
