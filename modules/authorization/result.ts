/** How an attempt ends (protocol, section 3). */
export interface AttemptResult {
  readonly state: "authorized" | "rejected" | "failed" | "busy";
  readonly code: ResultCode;
  /** For the log; names no secret. */
  readonly reason: string;
}

export type ResultCode = 200 | 400 | 403 | 408 | 409 | 423 | 429 | 500 | 502 | 503;

/** What the phone did not get right is `rejected`; what it may simply try again later is `busy`. */
const STATES: Readonly<Record<ResultCode, AttemptResult["state"]>> = {
  200: "authorized",
  400: "rejected",
  403: "rejected",
  408: "failed",
  409: "rejected",
  423: "busy",
  429: "busy",
  500: "failed",
  502: "failed",
  503: "failed",
};

export function resultOf(code: ResultCode, reason: string): AttemptResult {
  return { state: STATES[code], code, reason };
}
