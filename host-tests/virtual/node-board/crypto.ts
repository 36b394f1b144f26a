import { createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Bytes, Crypto } from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";

const GCM_IV_BYTES = 12;
const GCM_TAG_BYTES = 16;
const BLOCK_BYTES = 16;

/** The board's cryptography on Node's `node:crypto` (OpenSSL). */
export const nodeCrypto: Crypto = {
  openGCM({ key, iv, additionalData, sealed }) {
    if (iv.byteLength !== GCM_IV_BYTES)
      throw new RangeError(`the iv has ${iv.byteLength} bytes, not ${GCM_IV_BYTES}`);
    const decipher = createDecipheriv("aes-256-gcm", asUint8Array(key), asUint8Array(iv), {
      authTagLength: GCM_TAG_BYTES,
    });
    if (sealed.byteLength < GCM_TAG_BYTES) return undefined;
    const bytes = asUint8Array(sealed);
    const textBytes = bytes.length - GCM_TAG_BYTES;
    decipher.setAAD(asUint8Array(additionalData));
    decipher.setAuthTag(bytes.subarray(textBytes));
    return opened(() => [decipher.update(bytes.subarray(0, textBytes)), decipher.final()]);
  },
  decryptCBC({ key, iv, data }) {
    const decipher = createDecipheriv("aes-256-cbc", asUint8Array(key), asUint8Array(iv));
    if (data.byteLength === 0 || data.byteLength % BLOCK_BYTES !== 0) return undefined;
    return opened(() => [decipher.update(asUint8Array(data)), decipher.final()]);
  },
  sha256: (data) => own(createHash("sha256").update(asUint8Array(data)).digest()),
  sha512: (data) => own(createHash("sha512").update(asUint8Array(data)).digest()),
  startSHA256: () => {
    const hash = createHash("sha256");
    return {
      write: (data) => {
        hash.update(asUint8Array(data));
      },
      close: () => own(hash.digest()),
    };
  },
  random: (byteLength) => own(randomBytes(byteLength)),
};

/** Decrypts. Returns `undefined` for a wrong tag or padding, for which Node throws. */
function opened(decrypt: () => Buffer[]): ArrayBuffer | undefined {
  try {
    return own(Buffer.concat(decrypt()));
  } catch {
    return undefined;
  }
}

/** Copies bytes into their own ArrayBuffer, because Node's small Buffers share one. */
function own(bytes: Bytes | Buffer): ArrayBuffer {
  return Uint8Array.from(bytes as Uint8Array).buffer;
}
