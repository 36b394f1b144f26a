import type { Failure } from "../failure/index.js";

/** Why a request failed. */
export type RequestFailureCode =
  /** The platform did not answer in time, though the broker was reachable. */
  | "timeout"
  /** The broker is not reachable. */
  | "offline"
  | "queue-full"
  /** The station has no response key and cannot send requests. */
  | "unprovisioned"
  /** A response could not be decrypted or verified, or was not for this request. */
  | "untrusted"
  /** The platform returned an error. */
  | "refused";

export interface RequestFailure extends Failure<RequestFailureCode> {
  /** HTTP-like code of the platform's error, with `refused`. */
  readonly platformCode?: number;
}

type CodeOfStation = Exclude<RequestFailureCode, "refused">;

const MESSAGES: Readonly<Record<CodeOfStation, string>> = {
  timeout: "the platform did not answer",
  offline: "the platform is not reachable",
  "queue-full": "too many requests to the platform are pending",
  unprovisioned: "the station was not provisioned with a response key",
  untrusted: "the platform's answer could not be trusted",
};

export function requestFailure(code: CodeOfStation): RequestFailure {
  return { code, message: MESSAGES[code] };
}

export function refusedRequest(platformCode: number): RequestFailure {
  return { code: "refused", message: `the platform answered with code ${platformCode}`, platformCode };
}
