import { cbc, gcm } from "@noble/ciphers/aes.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import type { Bytes, Crypto } from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import type { Random } from "../world/random.js";

const KEY_BYTES = 32;
const GCM_IV_BYTES = 12;
const GCM_TAG_BYTES = 16;
const BLOCK_BYTES = 16;

/**
 * The board's cryptography in plain JavaScript. Its random numbers come from the world and repeat with its
 * seed.
 */
export function virtualCrypto(random: Random): Crypto {
  return {
    openGCM({ key, iv, additionalData, sealed }) {
      const cipher = gcm(
        sized(key, KEY_BYTES, "key"),
        sized(iv, GCM_IV_BYTES, "iv"),
        asUint8Array(additionalData),
      );
      return sealed.byteLength < GCM_TAG_BYTES
        ? undefined
        : opened(() => cipher.decrypt(asUint8Array(sealed)));
    },
    decryptCBC({ key, iv, data }) {
      const cipher = cbc(sized(key, KEY_BYTES, "key"), sized(iv, BLOCK_BYTES, "iv"));
      if (data.byteLength === 0 || data.byteLength % BLOCK_BYTES !== 0) return undefined;
      return opened(() => cipher.decrypt(asUint8Array(data)));
    },
    sha256: (data) => Uint8Array.from(sha256(asUint8Array(data))).buffer,
    sha512: (data) => Uint8Array.from(sha512(asUint8Array(data))).buffer,
    startSHA256: () => {
      const hash = sha256.create();
      return {
        write: (data) => {
          hash.update(asUint8Array(data));
        },
        close: () => Uint8Array.from(hash.digest()).buffer,
      };
    },
    random: (byteLength) => random.bytes(byteLength).buffer,
  };
}

function sized(bytes: Bytes, byteLength: number, name: string): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength !== byteLength)
    throw new RangeError(`the ${name} has ${bytes.byteLength} bytes, not ${byteLength}`);
  return asUint8Array(bytes);
}

function opened(decrypt: () => Uint8Array): ArrayBuffer | undefined {
  try {
    return Uint8Array.from(decrypt()).buffer;
  } catch {
    return undefined;
  }
}
