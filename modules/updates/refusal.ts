/** The reason why an image is refused. Callers match on the code; the message is for the owner. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

/** Code of a refusal. */
export type RefusalCode =
  /** The running firmware has no update key, so it cannot verify any image. */
  | "no-key"
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

/** Refusal of every update by a firmware without an update key. */
export const NO_KEY = {
  code: "no-key",
  message: "this firmware has no update key; install a firmware that is built with config.updateKey by cable",
} as const satisfies Refusal;

/** The HTTP status of a refused upload (docs/protocol.md, section 2): 400, 403, 409, 413 or 500. */
export function refusalStatus({ code }: Refusal): 400 | 403 | 409 | 413 | 500 {
  switch (code) {
    case "no-key":
      return 403;
    case "busy":
    case "older":
    case "same-version":
      return 409;
    case "too-large":
      return 413;
    case "flash":
      return 500;
    default:
      return 400;
  }
}
