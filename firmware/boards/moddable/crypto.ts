import { BlockCipher, Digest, GHASH, Mode } from "crypt";
import type { Bytes, Crypto } from "../../../modules/board/index.js";
import { asUint8Array, concatBytes, equalBytes } from "../../../modules/bytes/index.js";

const KEY_BYTES = 32;
const GCM_IV_BYTES = 12;
const GCM_TAG_BYTES = 16;
const BLOCK_BYTES = 16;

/**
 * The board's cryptography over the SDK's `crypt`.
 *
 * GCM is composed of the SDK's AES, CTR and GHASH (NIST SP 800-38D 7.2). The SDK's own `gcm` decrypts a message before it
 * compares the tag. The padding of CBC is checked here, because the SDK accepts any.
 */
export class ModdableCrypto implements Crypto {
  readonly random: (byteLength: number) => ArrayBuffer;

  /** @param random fills a buffer from the chip's hardware generator */
  constructor(random: (byteLength: number) => ArrayBuffer) {
    this.random = random;
  }

  openGCM({ key, iv, additionalData, sealed }: Parameters<Crypto["openGCM"]>[0]): ArrayBuffer | undefined {
    const cipher = new BlockCipher("AES", sized(key, KEY_BYTES, "key"));
    const prefix = asUint8Array(sized(iv, GCM_IV_BYTES, "iv"));
    const bytes = asUint8Array(sealed);
    if (bytes.length < GCM_TAG_BYTES) return undefined;
    const text = bytes.slice(0, -GCM_TAG_BYTES);
    const hash = new GHASH(cipher.encrypt(new ArrayBuffer(BLOCK_BYTES)), own(additionalData));
    if (text.length > 0) hash.write(text.buffer);
    const tag = asUint8Array(hash.close());
    const mask = asUint8Array(cipher.encrypt(counterBlock(prefix, 1)));
    for (let i = 0; i < GCM_TAG_BYTES; i++) tag[i] = (tag[i] ?? 0) ^ (mask[i] ?? 0);
    if (!equalBytes(tag, bytes.slice(-GCM_TAG_BYTES))) return undefined;
    if (text.length === 0) return new ArrayBuffer(0);
    return new Mode("CTR", cipher, counterBlock(prefix, 2)).decrypt(text.buffer).slice(0);
  }

  decryptCBC({ key, iv, data }: Parameters<Crypto["decryptCBC"]>[0]): ArrayBuffer | undefined {
    const cipher = new BlockCipher("AES", sized(key, KEY_BYTES, "key"));
    const start = sized(iv, BLOCK_BYTES, "iv");
    if (data.byteLength === 0 || data.byteLength % BLOCK_BYTES !== 0) return undefined;
    return withoutPadding(asUint8Array(new Mode("CBC", cipher, start).decrypt(own(data))));
  }

  sha256(data: Bytes): ArrayBuffer {
    const digest = new Digest("SHA256");
    digest.write(data);
    return digest.close();
  }

  sha512(data: Bytes): ArrayBuffer {
    const digest = new Digest("SHA512");
    digest.write(own(data));
    return digest.close();
  }

  startSHA256(): Digest {
    return new Digest("SHA256");
  }
}

/** Returns a counter block of GCM: iv ‖ 32-bit counter. */
function counterBlock(iv: Uint8Array<ArrayBuffer>, counter: number): ArrayBuffer {
  return concatBytes(iv, Uint8Array.of(0, 0, 0, counter)).buffer;
}

/** Removes PKCS#7 padding (RFC 5652 6.3); `undefined` if the padding is invalid. */
function withoutPadding(text: Uint8Array<ArrayBuffer>): ArrayBuffer | undefined {
  const padding = text[text.length - 1] ?? 0;
  if (padding < 1 || padding > BLOCK_BYTES) return undefined;
  for (let i = text.length - padding; i < text.length; i++) if (text[i] !== padding) return undefined;
  return text.slice(0, -padding).buffer;
}

function sized(bytes: Bytes, byteLength: number, name: string): ArrayBuffer {
  if (bytes.byteLength !== byteLength) {
    throw new RangeError(`the ${name} has ${bytes.byteLength} bytes, not ${byteLength}`);
  }
  return own(bytes);
}

/** Returns the bytes as an ArrayBuffer of their own: the SDK's cryptography accepts no view. */
function own(bytes: Bytes): ArrayBuffer {
  return bytes instanceof ArrayBuffer ? bytes : bytes.slice().buffer;
}
