import type { IO } from "../board/index.js";
import type { StationChallenge } from "../card-proof/index.js";
import type { Failure } from "../failure/index.js";
import type { RequestFailureCode } from "../requests/index.js";

/** How a tag reached the station. */
export type Method = "ble" | "rfid";

/** A card that was presented to the station. */
export interface Card {
  /** The plain tag, or the id of a card with a secret. */
  readonly tag: string;
  /** Lower-case hex SHA-256 of `tag`. It is made once, because hex digits are slow on the chip. */
  readonly hash: string;
  readonly method: Method;
  /** Proof that the phone holds the card's secret; `undefined` for a plain tag. */
  readonly proof?: CardChallengeProof | undefined;
}

/** A proof, 22 characters of base64url, for a challenge of this station (protocol, section 3). */
export interface CardChallengeProof extends StationChallenge {
  readonly proof: string;
}

/** Why a verifier could not decide. */
export type VerificationFailureCode =
  | RequestFailureCode
  /** The platform's answer contains no decision. */
  | "no-decision"
  /** The tag is neither on the local list nor in the cache. */
  | "unknown-offline";

/** Result of a verification. `receipt`: 16 hex digits by which the platform proves its decision to the phone. */
export type Verdict =
  | {
      readonly type: "authorized";
      readonly maxCurrentA?: number | undefined;
      /** Time for which the answer may be cached, s. */
      readonly cacheForS?: number | undefined;
      /** Source of the verdict for the log; the platform by default. */
      readonly by?: string;
      readonly receipt?: string | undefined;
    }
  | { readonly type: "rejected"; readonly reason: string; readonly receipt?: string | undefined }
  /** The verifier could not decide. */
  | { readonly type: "failed"; readonly failure: Failure<VerificationFailureCode> };

/** Decides whether a card may charge at this station. */
export interface Verifier {
  /** Verifies a card. Calls `done` once and asynchronously; never after the returned handle was closed. */
  verify(card: Card, done: (verdict: Verdict) => void): IO;
}
