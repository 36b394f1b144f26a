import type { IO } from "../board/index.js";

/** How a tag reached the station. */
export type Method = "ble" | "rfid";

/** A tag that was presented to the station. */
export interface Card {
  readonly tag: string;
  readonly method: Method;
}

/** Result of a verification. */
export type Verdict =
  | {
      readonly type: "authorized";
      readonly maxCurrentA?: number | undefined;
      /** Time for which the answer may be cached, s. */
      readonly cacheForS?: number | undefined;
      /** Source of the verdict for the log; the platform by default. */
      readonly by?: string;
    }
  | { readonly type: "rejected"; readonly reason: string }
  /**
   * The verifier could not decide. After 408 and 503 the next verifier decides. 500 and 502 end the attempt: the local
   * list must not replace an answer that came and is not trusted.
   */
  | { readonly type: "failed"; readonly code: 408 | 500 | 502 | 503; readonly reason: string };

/** Decides whether a card may charge at this station. */
export interface Verifier {
  /** Verifies a card. Calls `done` once and asynchronously; never after the returned handle was closed. */
  verify(card: Card, done: (verdict: Verdict) => void): IO;
}
