import type { Failure } from "../failure/index.js";

/** The reason why an image is refused. Callers match on the code; the message is for the owner. */
export type Refusal = Failure<RefusalCode>;

/** Code of a refusal. */
export type RefusalCode =
  /** The running firmware has no update key, so it cannot verify any image. */
  | "no-key"
  /** The running firmware has no update key, and the station's button was not pressed for this upload. */
  | "not-approved"
  /** Not a firmware image, or its checksum is wrong. */
  | "not-an-image"
  | "wrong-chip"
  | "wrong-product"
  /** The image has no version, or a different one than announced. */
  | "wrong-version"
  /** Older than the running firmware, and the request does not allow a downgrade. */
  | "older"
  /** The version that already runs. */
  | "same-version"
  /** The image does not fit into the slot. */
  | "too-large"
  /** The image is shorter or longer than announced. */
  | "wrong-size"
  /** The SHA-256 differs from the announced one. */
  | "wrong-hash"
  /** The image has no signature. */
  | "unsigned"
  /** The signature is malformed or by another key. */
  | "wrong-signature"
  /** Another installation is under way. */
  | "busy"
  /** The flash could not be written. */
  | "flash";

/** Refusal of every download by a firmware without an update key. */
export const NO_KEY = {
  code: "no-key",
  message:
    "this firmware has no update key, and downloads nothing; upload a firmware, or install it by cable",
} as const satisfies Refusal;

/** Refusal of an upload by a firmware without an update key. */
export const NOT_APPROVED = {
  code: "not-approved",
  message:
    "this firmware has no update key: press the station's button briefly, and upload within a minute; without a button, install by cable",
} as const satisfies Refusal;

/** HTTP statuses of refused uploads (docs/protocol.md, section 2). */
const STATUSES: Readonly<Record<RefusalCode, 400 | 403 | 409 | 413 | 500>> = {
  "no-key": 403,
  "not-approved": 403,
  "not-an-image": 400,
  "wrong-chip": 400,
  "wrong-product": 400,
  "wrong-version": 400,
  older: 409,
  "same-version": 409,
  "too-large": 413,
  "wrong-size": 400,
  "wrong-hash": 400,
  unsigned: 400,
  "wrong-signature": 400,
  busy: 409,
  flash: 500,
};

export function refusalStatus({ code }: Refusal): 400 | 403 | 409 | 413 | 500 {
  return STATUSES[code];
}
