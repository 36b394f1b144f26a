import type { Failure } from "../failure/index.js";
import type { VerificationFailureCode } from "./verifier.js";

/** Result of an attempt (protocol, section 3). */
export interface AttemptResult {
  readonly state: "authorized" | "rejected" | "failed" | "busy";
  readonly code: ResultCode;
  /** Explanation for the log. Contains no secret. */
  readonly reason: string;
  /** Receipt of the platform for the phone, 16 hex digits. */
  readonly receipt?: string | undefined;
}

/** Result code of an attempt (protocol, section 3). */
export type ResultCode = 200 | 400 | 401 | 403 | 408 | 409 | 423 | 429 | 500 | 502 | 503;

/** State of each code. `rejected`: the phone has to change something. `busy`: the phone may retry later. */
const STATES: Readonly<Record<ResultCode, AttemptResult["state"]>> = {
  200: "authorized",
  400: "rejected",
  401: "rejected",
  403: "rejected",
  408: "failed",
  409: "rejected",
  423: "busy",
  429: "busy",
  500: "failed",
  502: "failed",
  503: "failed",
};

/**
 * Codes of verification failures. After 408 and 503 the next verifier decides. 500 and 502 end the attempt: the local
 * list must not replace an answer that came and is not trusted.
 */
const CODES_OF_FAILURES: Readonly<Record<VerificationFailureCode, 408 | 500 | 502 | 503>> = {
  timeout: 408,
  offline: 503,
  "queue-full": 503,
  unprovisioned: 500,
  untrusted: 502,
  refused: 500,
  "no-decision": 502,
  "unknown-offline": 503,
};

/** Makes the result of a verification that failed. */
export function resultOfFailure({ code, message }: Failure<VerificationFailureCode>): AttemptResult {
  return resultOf(CODES_OF_FAILURES[code], message);
}

/** Makes the result of a code. */
export function resultOf(code: ResultCode, reason: string): AttemptResult {
  return { state: STATES[code], code, reason };
}
