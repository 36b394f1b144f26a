/** Whoever makes the firmware, with a key of its own. */

import { getPublicKey, hashes, sign } from "@noble/ed25519";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import type { Random } from "./random.js";

hashes.sha512 = sha512;

export class Signer {
  readonly publicKey: Uint8Array<ArrayBuffer>;
  #secretKey: Uint8Array<ArrayBuffer>;

  constructor(random: Random) {
    this.#secretKey = random.bytes(32);
    this.publicKey = Uint8Array.from(getPublicKey(this.#secretKey));
  }

  /** Over the SHA-256 of the image, as docs/protocol.md has it. */
  sign(image: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(sign(sha256(image), this.#secretKey));
  }
}
