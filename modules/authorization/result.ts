/** Result of an attempt (protocol, section 3). */
export interface AttemptResult {
  readonly state: "authorized" | "rejected" | "failed" | "busy";
  readonly code: ResultCode;
  /** Explanation for the log. Contains no secret. */
  readonly reason: string;
}

/** Result code of an attempt (protocol, section 3). */
export type ResultCode = 200 | 400 | 403 | 408 | 409 | 423 | 429 | 500 | 502 | 503;

/** State of each code. `rejected`: the phone has to change something. `busy`: the phone may retry later. */
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

/** Makes the result of a code. */
export function resultOf(code: ResultCode, reason: string): AttemptResult {
  return { state: STATES[code], code, reason };
}
