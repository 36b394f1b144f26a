/** Signer of firmware images, with its own key. */

import { getPublicKey, hashes, sign } from "@noble/ed25519";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { encodeHex } from "../../../modules/bytes/index.js";
import { Random } from "./random.js";

hashes.sha512 = sha512;

export class Signer {
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly #secretKey: Uint8Array<ArrayBuffer>;

  constructor(random: Random) {
    this.#secretKey = random.bytes(32);
    this.publicKey = Uint8Array.from(getPublicKey(this.#secretKey));
  }

  /** Signs the SHA-256 of an image (docs/protocol.md). */
  sign(image: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(sign(sha256(image), this.#secretKey));
  }
}

/** Signer of the firmware of virtual stations. */
export const maker = new Signer(new Random(17));

/** Configuration of a virtual station that accepts firmware signed by `maker`. */
export const KEYED = { updateKey: encodeHex(maker.publicKey) } as const;
