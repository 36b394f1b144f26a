/** Requests for updates, and the handle that an uploader writes to. */

import type { Bytes, IO } from "../board/index.js";
import type { Refusal } from "./refusal.js";

/** Options of every update. */
export interface UpdateRequest {
  /** Whether an older version may be installed. */
  readonly allowsDowngrade?: boolean;
}

/** An image that an uploader sends to the station. `close` aborts it. */
export interface Upload extends IO {
  /** Writes the next bytes. Returns the refusal of the image, if any; every later call returns the same. */
  write(data: Bytes): Refusal | undefined;
  /** Completes the upload. `undefined`: accepted; the station restarts in 2 s, or after the session. */
  finish(options?: { signature?: Uint8Array<ArrayBuffer> }): Refusal | undefined;
}

/** Announced properties of an upload. */
export interface UploadRequest extends UpdateRequest {
  /** Size of the image in bytes, if known. */
  readonly size?: number;
  /** Ed25519 signature of the image's SHA-256, 64 bytes, if it precedes the image. */
  readonly signature?: Uint8Array<ArrayBuffer>;
}

/**
 * How an image is trusted: by the Ed25519 public key (32 bytes) that its signature must match, or, on a station without
 * a key, by a person who has pressed the station's button.
 */
export type Trust = Uint8Array<ArrayBuffer> | "button";

/** Carries the key that verifies a download: nothing is downloaded without one. */
export interface Verified {
  readonly publicKey: Uint8Array<ArrayBuffer>;
}

/** A check for newer firmware on the server. */
export interface Check extends UpdateRequest, Verified {
  /** Started by the schedule, not by the owner. */
  readonly isAuto: boolean;
}
