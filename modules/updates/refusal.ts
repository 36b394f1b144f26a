/** Why an image was not taken. Callers match on the code; the message is for people. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

export type RefusalCode =
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
  /** This station takes signed images only, and there is no signature. */
  | "unsigned"
  | "wrong-signature"
  /** Another installation is under way. */
  | "busy"
  /** The flash could not be written. */
  | "flash";

/** The HTTP status that tells an uploader (docs/protocol.md, section 2): 400, 409, 413 or 500. */
export function refusalStatus({ code }: Refusal): 400 | 409 | 413 | 500 {
  switch (code) {
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
