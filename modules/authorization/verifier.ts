import type { IO } from "../board/index.js";

/** How a tag reached the station. */
export type Method = "ble" | "rfid";

export interface Card {
  readonly tag: string;
  readonly method: Method;
}

export type Verdict =
  | {
      readonly type: "authorized";
      readonly maxCurrentA?: number | undefined;
      /** For how long the answer may be remembered, in seconds. */
      readonly cacheForS?: number | undefined;
      /** Who said so, where it was not the platform; for the log. */
      readonly by?: string;
    }
  | { readonly type: "rejected"; readonly reason: string }
  /** This verifier cannot say. 408 and 503 let the next one try; 500 and 502 end the attempt. */
  | { readonly type: "failed"; readonly code: 408 | 500 | 502 | 503; readonly reason: string };

/** Somebody who knows whether a card may charge here. */
export interface Verifier {
  /** Calls `done` once, later; not after the attempt was closed. */
  verify(card: Card, done: (verdict: Verdict) => void): IO;
}
