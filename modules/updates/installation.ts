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
  /** Ed25519, 32 bytes. Only images that this key has signed can boot. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly expected?: Expectation;
}

/**
 * One image on its way into the slot that does not run, from wherever its bytes come: they are written in their
 * order, in any pieces. What is refused stays refused: the same refusal comes for everything after it.
 */
export class Installation implements IO {
  private _options: InstallationOptions;
  private _digest: Digest;
  private _head: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private _image: ImageDescription | undefined;
  private _updater: Updater | undefined;
  private _receivedBytes = 0;
  private _isSignatureGood = false;
  private _refusal: Refusal | undefined;
  private _isOver = false;

  constructor(options: InstallationOptions) {
    this._options = options;
    this._digest = options.board.crypto.startSHA256();
  }

  /** Of the image: how many bytes have come. */
  get receivedBytes(): number {
    return this._receivedBytes;
  }

  /** What the image says of itself, once its first block was taken. */
  get image(): ImageDescription | undefined {
    return this._image;
  }

  /** Takes the next bytes. Gives why the image is refused, if it is. */
  write(data: Bytes): Refusal | undefined {
    this._mustGoOn();
    if (this._refusal) return this._refusal;
    const bytes = asUint8Array(data);
    const refusal = this._take(bytes);
    return refusal && this._refuse(refusal);
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
    this._mustGoOn();
    const refusal =
      this._refusal ??
      this._checkWhole(signature ?? this._options.expected?.signature) ??
      this._boot(beforeBoot);
    return refusal ? this._refuse(refusal) : this._end();
  }

  /** Gives the image up, unless it was finished. */
  close(): void {
    this._end();
  }

  private _take(bytes: Uint8Array<ArrayBuffer>): Refusal | undefined {
    const { firmwareSlot } = this._options.board;
    const { size } = this._options.expected ?? {};
    this._receivedBytes += bytes.length;
    if (Math.max(this._receivedBytes, size ?? 0) > firmwareSlot.byteLength) {
      return refusal("too-large", `the image is larger than the ${firmwareSlot.byteLength} bytes of a slot`);
    }
    if (size !== undefined && this._receivedBytes > size) {
      return refusal("wrong-size", `the image goes on after the ${size} bytes that were announced`);
    }
    this._digest.write(bytes);
    if (this._updater) return this._store(bytes);
    this._head = concatBytes(this._head, bytes);
    if (this._head.length < ImageLayout.headBytes) return undefined;
    const head = this._head;
    this._head = new Uint8Array(0);
    return this._checkHead(head) ?? this._checkAnnounced() ?? this._open() ?? this._store(head);
  }

  private _checkHead(head: Uint8Array<ArrayBuffer>): Refusal | undefined {
    const { board, productId, runningVersion, allowsDowngrade, expected } = this._options;
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
    this._image = image;
    return undefined;
  }

  /** What of a signature can be said before the image is there. */
  private _checkAnnounced(): Refusal | undefined {
    const { expected } = this._options;
    if (!expected?.signature || !expected.sha256) return undefined;
    return this._checkSignature(expected.sha256, expected.signature);
  }

  private _open(): Refusal | undefined {
    try {
      this._updater = this._options.board.openUpdate();
      return undefined;
    } catch (error) {
      return refusal("busy", `the slot cannot be written now: ${messageOf(error)}`);
    }
  }

  private _store(bytes: Uint8Array<ArrayBuffer>): Refusal | undefined {
    try {
      this._updater?.write(bytes);
      return undefined;
    } catch (error) {
      return refusal("flash", `the flash could not be written: ${messageOf(error)}`);
    }
  }

  private _checkWhole(signature: Uint8Array<ArrayBuffer> | undefined): Refusal | undefined {
    const { expected } = this._options;
    if (!this._updater) return refusal("not-an-image", "that is too short for a firmware image");
    const size = expected?.size ?? this._receivedBytes;
    if (this._receivedBytes !== size) {
      return refusal("wrong-size", `the image has ${this._receivedBytes} bytes, and ${size} were announced`);
    }
    const sha256 = asUint8Array(this._digest.close());
    if (expected?.sha256 && !equalBytes(sha256, expected.sha256)) {
      return refusal("wrong-hash", "the image is not the one that was announced: its SHA-256 is another");
    }
    if (this._isSignatureGood) return undefined;
    if (!signature) return refusal("unsigned", "the image is not signed, and this station takes no other");
    return this._checkSignature(sha256, signature);
  }

  private _checkSignature(
    sha256: Uint8Array<ArrayBuffer>,
    signature: Uint8Array<ArrayBuffer>,
  ): Refusal | undefined {
    const { publicKey, board } = this._options;
    this._isSignatureGood = isSignedBy(publicKey, sha256, signature, board.crypto);
    return this._isSignatureGood
      ? undefined
      : refusal("wrong-signature", "the signature of the image is not of the key that this station trusts");
  }

  /** The board has the last word: it looks at the whole of what stands in the slot. */
  private _boot(beforeBoot: (() => Refusal | undefined) | undefined): Refusal | undefined {
    const obstacle = beforeBoot?.();
    if (obstacle) return obstacle;
    try {
      this._updater?.complete();
      return undefined;
    } catch (error) {
      return refusal("not-an-image", `the board refuses the image: ${messageOf(error)}`);
    }
  }

  private _refuse(refusal: Refusal): Refusal {
    this._refusal = refusal;
    this._updater?.close();
    return refusal;
  }

  private _end(): undefined {
    this._isOver = true;
    this._updater?.close();
  }

  private _mustGoOn(): void {
    if (this._isOver) throw new Error("the installation is over");
  }
}

function refusal(code: RefusalCode, message: string): Refusal {
  return { code, message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
