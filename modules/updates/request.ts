/** What an update is asked for with, and what an uploader gets. */

import type { Bytes, IO } from "../board/index.js";
import type { Refusal } from "./refusal.js";

export interface UpdateRequest {
  /** An older version is welcome. */
  readonly allowsDowngrade?: boolean;
}

/** An image that somebody sends to the station. Given up by `close`. */
export interface Upload extends IO {
  /** Gives why the image is refused, if it is; nothing else is taken after that. */
  write(data: Bytes): Refusal | undefined;
  /** All of it has come. `undefined`: it was taken, and the station restarts in two seconds, or after the session. */
  finish(options?: { signature?: Uint8Array<ArrayBuffer> }): Refusal | undefined;
}

export interface UploadRequest extends UpdateRequest {
  /** Bytes, where that is known. */
  readonly size?: number;
  /** Ed25519 over the SHA-256 of the image, 64 bytes, where it comes first. */
  readonly signature?: Uint8Array<ArrayBuffer>;
}

/** Carries the key that verifies the image: nothing is installed without one. */
export interface Verified {
  readonly publicKey: Uint8Array<ArrayBuffer>;
}

/** A look for newer firmware on the server. */
export interface Check extends UpdateRequest, Verified {
  /** Started by the schedule, not by the owner. */
  readonly isAuto: boolean;
}
