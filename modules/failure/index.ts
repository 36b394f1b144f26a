/**
 * Why something failed. Each layer has its own codes, as an exhaustive union. A map from one layer's codes to another's
 * is a `Record`, so that a new code does not compile until it is placed.
 */
export interface Failure<Code extends string> {
  /** Callers match on the code, never on the message. */
  readonly code: Code;
  /** Explanation for people, in English. Contains no secret. */
  readonly message: string;
}
