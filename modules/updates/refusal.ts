/** Why an image was not taken. Callers match on the code; the message is for people. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

export type RefusalCode =
  /** The running firmware has no update key, so it cannot verify any image. */
  | "no-key"
  /** Not a firmware image, or one that its own checksum contradicts. */
  | "not-an-image"
  | "wrong-chip"
  | "wrong-product"
  /** The image has no version, or another than was announced. */
  | "wrong-version"
  /** Older than what runs, and nobody asked for a downgrade. */
  | "older"
  /** What runs already. */
  | "same-version"
  /** It does not fit the slot. */
  | "too-large"
  /** It ended before, or went on after, what was announced. */
  | "wrong-size"
  | "wrong-hash"
  /** The image has no signature. */
  | "unsigned"
  | "wrong-signature"
  /** Another installation is under way. */
  | "busy"
  /** The flash could not be written. */
  | "flash";

/** Refuses each update of a firmware without an update key. */
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
