/**
 * Where bricking is prevented: nothing is erased before the first block was checked, and nothing can boot before size,
 * hash and signature were. Every way out but `finish` leaves the running firmware as the one that starts next.
 */

import type { Board, Bytes, Digest, IO, Updater } from "../board/index.js";
import { asUint8Array, concatBytes, equalBytes } from "../bytes/index.js";
import { describeImage, type ImageDescription, ImageLayout } from "./image.js";
import type { Refusal, RefusalCode } from "./refusal.js";
import { isSignedBy } from "./signature.js";

/** What is known of an image before it comes. */
export interface Expectation {
  readonly version?: number;
  /** Bytes. */
  readonly size?: number;
  /** 32 bytes. */
  readonly sha256?: Uint8Array<ArrayBuffer>;
  /** Ed25519 over the SHA-256; 64 bytes. */
  readonly signature?: Uint8Array<ArrayBuffer>;
}

export interface InstallationOptions {
  readonly board: Pick<Board, "crypto" | "firmwareSlot" | "openUpdate">;
  readonly productId: string;
  /** Of the firmware that runs. */
  readonly runningVersion: number;
  /** Somebody asked for an older version, explicitly. */
  readonly allowsDowngrade?: boolean;
  /** Ed25519, 32 bytes. With it, only images that this key has signed can boot. */
  readonly publicKey?: Uint8Array<ArrayBuffer>;
  readonly expected?: Expectation;
}

/**
 * One image on its way into the slot that does not run, from wherever its bytes come: they are written in their
 * order, in any pieces. What is refused stays refused: the same refusal comes for everything after it.
 */
export class Installation implements IO {
  #options: InstallationOptions;
  #digest: Digest;
  #head: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #image: ImageDescription | undefined;
  #updater: Updater | undefined;
  #receivedBytes = 0;
  #isSignatureGood = false;
  #refusal: Refusal | undefined;
  #isOver = false;

  constructor(options: InstallationOptions) {
    this.#options = options;
    this.#digest = options.board.crypto.startSHA256();
  }

  /** Of the image: how many bytes have come. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** What the image says of itself, once its first block was taken. */
  get image(): ImageDescription | undefined {
    return this.#image;
  }

  /** Takes the next bytes. Gives why the image is refused, if it is. */
  write(data: Bytes): Refusal | undefined {
    this.#mustGoOn();
    if (this.#refusal) return this.#refusal;
    const bytes = asUint8Array(data);
    const refusal = this.#take(bytes);
    return refusal && this.#refuse(refusal);
  }

  /**
   * The image is whole. When it is refused, nothing has changed; else it starts at the next restart.
   *
   * @param signature where it came after the image
   * @param beforeBoot called when everything was checked, before the image can boot; what it gives refuses the image
   */
  finish({
    signature,
    beforeBoot,
  }: {
    signature?: Uint8Array<ArrayBuffer>;
    beforeBoot?: () => Refusal | undefined;
  } = {}): Refusal | undefined {
    this.#mustGoOn();
    const refusal =
      this.#refusal ??
      this.#checkWhole(signature ?? this.#options.expected?.signature) ??
      this.#boot(beforeBoot);
    return refusal ? this.#refuse(refusal) : this.#end();
  }

  /** Gives the image up, unless it was finished. */
  close(): void {
    this.#end();
  }

  #take(bytes: Uint8Array<ArrayBuffer>): Refusal | undefined {
    const { firmwareSlot } = this.#options.board;
    const { size } = this.#options.expected ?? {};
    this.#receivedBytes += bytes.length;
    if (Math.max(this.#receivedBytes, size ?? 0) > firmwareSlot.byteLength) {
      return refusal("too-large", `the image is larger than the ${firmwareSlot.byteLength} bytes of a slot`);
    }
    if (size !== undefined && this.#receivedBytes > size) {
      return refusal("wrong-size", `the image goes on after the ${size} bytes that were announced`);
    }
    this.#digest.write(bytes);
    if (this.#updater) return this.#store(bytes);
    this.#head = concatBytes(this.#head, bytes);
    if (this.#head.length < ImageLayout.headBytes) return undefined;
    const head = this.#head;
    this.#head = new Uint8Array(0);
    return this.#checkHead(head) ?? this.#checkAnnounced() ?? this.#open() ?? this.#store(head);
  }

  #checkHead(head: Uint8Array<ArrayBuffer>): Refusal | undefined {
    const { board, productId, runningVersion, allowsDowngrade, expected } = this.#options;
    const image = describeImage(head);
    if (!image) return refusal("not-an-image", "that is no firmware image");
    const { chipId } = board.firmwareSlot;
    if (image.chipId !== chipId) {
      return refusal("wrong-chip", `the image is for chip ${image.chipId}, and this is chip ${chipId}`);
    }
    if (image.productId !== productId) {
      const other = /^[ -~]+$/.test(image.productId) ? image.productId : "another product";
      return refusal("wrong-product", `the image is for ${other}, and this is ${productId}`);
    }
    const { version } = image;
    if (version === undefined) return refusal("wrong-version", "the image has no version that is a number");
    if (expected?.version !== undefined && version !== expected.version) {
      const message = `the image has version ${version}, and ${expected.version} was announced`;
      return refusal("wrong-version", message);
    }
    if (version === runningVersion) return refusal("same-version", `version ${version} runs already`);
    if (version < runningVersion && !allowsDowngrade) {
      return refusal("older", `version ${version} is older than ${runningVersion}, which runs`);
    }
    this.#image = image;
    return undefined;
  }

  /** What of a signature can be said before the image is there. */
  #checkAnnounced(): Refusal | undefined {
    const { publicKey, expected } = this.#options;
    if (!publicKey || !expected?.signature || !expected.sha256) return undefined;
    return this.#checkSignature(expected.sha256, expected.signature);
  }

  #open(): Refusal | undefined {
    try {
      this.#updater = this.#options.board.openUpdate();
      return undefined;
    } catch (error) {
      return refusal("busy", `the slot cannot be written now: ${messageOf(error)}`);
    }
  }

  #store(bytes: Uint8Array<ArrayBuffer>): Refusal | undefined {
    try {
      this.#updater?.write(bytes);
      return undefined;
    } catch (error) {
      return refusal("flash", `the flash could not be written: ${messageOf(error)}`);
    }
  }

  #checkWhole(signature: Uint8Array<ArrayBuffer> | undefined): Refusal | undefined {
    const { publicKey, expected } = this.#options;
    if (!this.#updater) return refusal("not-an-image", "that is too short for a firmware image");
    const size = expected?.size ?? this.#receivedBytes;
    if (this.#receivedBytes !== size) {
      return refusal("wrong-size", `the image has ${this.#receivedBytes} bytes, and ${size} were announced`);
    }
    const sha256 = asUint8Array(this.#digest.close());
    if (expected?.sha256 && !equalBytes(sha256, expected.sha256)) {
      return refusal("wrong-hash", "the image is not the one that was announced: its SHA-256 is another");
    }
    if (!publicKey || this.#isSignatureGood) return undefined;
    if (!signature) return refusal("unsigned", "the image is not signed, and this station takes no other");
    return this.#checkSignature(sha256, signature);
  }

  #checkSignature(sha256: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>): Refusal | undefined {
    const { publicKey, board } = this.#options;
    this.#isSignatureGood = publicKey !== undefined && isSignedBy(publicKey, sha256, signature, board.crypto);
    return this.#isSignatureGood
      ? undefined
      : refusal("wrong-signature", "the signature of the image is not of the key that this station trusts");
  }

  /** The board has the last word: it looks at the whole of what stands in the slot. */
  #boot(beforeBoot: (() => Refusal | undefined) | undefined): Refusal | undefined {
    const obstacle = beforeBoot?.();
    if (obstacle) return obstacle;
    try {
      this.#updater?.complete();
      return undefined;
    } catch (error) {
      return refusal("not-an-image", `the board refuses the image: ${messageOf(error)}`);
    }
  }

  #refuse(refusal: Refusal): Refusal {
    this.#refusal = refusal;
    this.#updater?.close();
    return refusal;
  }

  #end(): undefined {
    this.#isOver = true;
    this.#updater?.close();
  }

  #mustGoOn(): void {
    if (this.#isOver) throw new Error("the installation is over");
  }
}

function refusal(code: RefusalCode, message: string): Refusal {
  return { code, message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
