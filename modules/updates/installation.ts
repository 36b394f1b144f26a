/**
 * Installation of one image. It prevents bricking: the slot is erased only after the first block is checked, and the
 * image can boot only after size, hash and signature are checked. Without `finish`, the running firmware boots next.
 */

import type { Board, Bytes, Digest, IO, Updater } from "../board/index.js";
import { asUint8Array, concatBytes, equalBytes } from "../bytes/index.js";
import { messageOf } from "../errors/index.js";
import { describeImage, type ImageDescription, ImageLayout } from "./image.js";
import type { Refusal, RefusalCode } from "./refusal.js";
import type { Trust } from "./request.js";
import { isSignedBy } from "./signature.js";

/** Announced properties of an image. */
export interface Expectation {
  readonly version?: number;
  /** Size in bytes. */
  readonly size?: number;
  /** SHA-256 of the image, 32 bytes. */
  readonly sha256?: Uint8Array<ArrayBuffer>;
  /** Ed25519 signature of the SHA-256, 64 bytes. */
  readonly signature?: Uint8Array<ArrayBuffer>;
}

export interface InstallationOptions {
  readonly board: Pick<Board, "crypto" | "firmwareSlot" | "openUpdate">;
  readonly productId: string;
  /** Version of the running firmware. */
  readonly runningVersion: number;
  /** Whether an older version may be installed. */
  readonly allowsDowngrade?: boolean;
  readonly trust: Trust;
  readonly expected?: Expectation;
}

/**
 * Writes one image into the inactive slot. The source of the bytes does not matter: they are written in order, in
 * pieces of any length. After a refusal, every further call returns the same refusal.
 */
export class Installation implements IO {
  private readonly _options: InstallationOptions;
  private readonly _digest: Digest;
  private _head: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private _image: ImageDescription | undefined;
  private _updater: Updater | undefined;
  private _receivedBytes = 0;
  private _isTrusted = false;
  private _refusal: Refusal | undefined;
  private _isOver = false;

  constructor(options: InstallationOptions) {
    this._options = options;
    this._digest = options.board.crypto.startSHA256();
  }

  /** Number of received bytes of the image. */
  get receivedBytes(): number {
    return this._receivedBytes;
  }

  /** Description of the image; `undefined` until its first block is accepted. */
  get image(): ImageDescription | undefined {
    return this._image;
  }

  /** Writes the next bytes. Returns the refusal of the image, if any. */
  write(data: Bytes): Refusal | undefined {
    this._assertOpen();
    if (this._refusal) return this._refusal;
    const bytes = asUint8Array(data);
    const refusal = this._receive(bytes);
    return refusal && this._refuse(refusal);
  }

  /**
   * Completes the image and makes it the next boot image. A refused image changes nothing.
   *
   * @param signature Ed25519 signature, if it followed the image
   * @param beforeBoot called after all checks, before the image can boot; its result refuses the image
   */
  finish({
    signature,
    beforeBoot,
  }: {
    signature?: Uint8Array<ArrayBuffer>;
    beforeBoot?: () => Refusal | undefined;
  } = {}): Refusal | undefined {
    this._assertOpen();
    const refusal =
      this._refusal ??
      this._checkWhole(signature ?? this._options.expected?.signature) ??
      this._boot(beforeBoot);
    return refusal ? this._refuse(refusal) : this._end();
  }

  /** Aborts the installation, unless it is finished. */
  close(): void {
    this._end();
  }

  private _receive(bytes: Uint8Array<ArrayBuffer>): Refusal | undefined {
    const { firmwareSlot } = this._options.board;
    const { size } = this._options.expected ?? {};
    this._receivedBytes += bytes.length;
    if (Math.max(this._receivedBytes, size ?? 0) > firmwareSlot.byteLength) {
      return refusal("too-large", `the image is larger than the ${firmwareSlot.byteLength} bytes of a slot`);
    }
    if (size !== undefined && this._receivedBytes > size) {
      return refusal("wrong-size", `the image is longer than the announced ${size} bytes`);
    }
    this._digest.write(bytes);
    if (this._updater) return this._writeToSlot(bytes);
    this._head = concatBytes(this._head, bytes);
    if (this._head.length < ImageLayout.headBytes) return undefined;
    const head = this._head;
    this._head = new Uint8Array(0);
    return this._checkHead(head) ?? this._checkAnnounced() ?? this._open() ?? this._writeToSlot(head);
  }

  private _checkHead(head: Uint8Array<ArrayBuffer>): Refusal | undefined {
    const { board, productId, runningVersion, allowsDowngrade, expected } = this._options;
    const image = describeImage(head);
    if (!image) return refusal("not-an-image", "this is not a firmware image");
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
      return refusal("older", `version ${version} is older than the running version ${runningVersion}`);
    }
    this._image = image;
    return undefined;
  }

  /** Verifies an announced signature of an announced hash before the slot is erased. */
  private _checkAnnounced(): Refusal | undefined {
    const { sha256, signature } = this._options.expected ?? {};
    return sha256 && signature && this._checkSignature(sha256, signature);
  }

  private _open(): Refusal | undefined {
    try {
      this._updater = this._options.board.openUpdate();
      return undefined;
    } catch (error) {
      return refusal("busy", `the slot cannot be written now: ${messageOf(error)}`);
    }
  }

  private _writeToSlot(bytes: Uint8Array<ArrayBuffer>): Refusal | undefined {
    try {
      this._updater?.write(bytes);
      return undefined;
    } catch (error) {
      return refusal("flash", `the flash could not be written: ${messageOf(error)}`);
    }
  }

  private _checkWhole(signature: Uint8Array<ArrayBuffer> | undefined): Refusal | undefined {
    const { expected } = this._options;
    if (!this._updater) return refusal("not-an-image", "this is too short for a firmware image");
    const size = expected?.size ?? this._receivedBytes;
    if (this._receivedBytes !== size) {
      return refusal("wrong-size", `the image has ${this._receivedBytes} bytes, and ${size} were announced`);
    }
    const sha256 = asUint8Array(this._digest.close());
    if (expected?.sha256 && !equalBytes(sha256, expected.sha256)) {
      return refusal("wrong-hash", "the SHA-256 of the image differs from the announced one");
    }
    return this._isTrusted ? undefined : this._checkSignature(sha256, signature);
  }

  private _checkSignature(
    sha256: Uint8Array<ArrayBuffer>,
    signature: Uint8Array<ArrayBuffer> | undefined,
  ): Refusal | undefined {
    const { trust, board } = this._options;
    if (trust !== "button" && !signature)
      return refusal("unsigned", "the image is not signed; this station installs only signed images");
    this._isTrusted =
      trust === "button" || (signature !== undefined && isSignedBy(trust, sha256, signature, board.crypto));
    return this._isTrusted
      ? undefined
      : refusal("wrong-signature", "the image is not signed by the key that this station trusts");
  }

  /** Makes the image the next boot image. The board checks the whole slot before. */
  private _boot(beforeBoot: (() => Refusal | undefined) | undefined): Refusal | undefined {
    const blocker = beforeBoot?.();
    if (blocker) return blocker;
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

  private _assertOpen(): void {
    if (this._isOver) throw new Error("the installation is over");
  }
}

function refusal(code: RefusalCode, message: string): Refusal {
  return { code, message };
}
