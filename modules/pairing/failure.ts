import { isJSONObject, textField } from "../json/index.js";
import type { LinkFailure } from "../network/index.js";

/** Why parameters were not accepted; the codes of protocol, section 2. */
export interface PairingFailure {
  readonly code: PairingFailureCode;
  /** What happened and what to do, for people. */
  readonly message: string;
}

const BROKER_CODES = [
  "host-not-found",
  "broker-unreachable",
  "broker-no-answer",
  "broker-refused",
  "tls-failed",
] as const;

const WIFI_CODES: readonly LinkFailure["code"][] = [
  "wifi-not-found",
  "wifi-wrong-password",
  "wifi-no-address",
];

const OWN_CODES = [
  /** The station could not keep what was proven. */
  "storage-failed",
  /** The power went while it was tried. */
  "interrupted",
  /** Somebody ended pairing mode while it was tried. */
  "given-up",
] as const;

export type PairingFailureCode =
  | LinkFailure["code"]
  | (typeof BROKER_CODES)[number]
  | (typeof OWN_CODES)[number];

const MAX_MESSAGE_CHARS = 300;

/** A failure that was stored. */
export function parseFailure(value: unknown): PairingFailure | undefined {
  if (!isJSONObject(value)) return undefined;
  const code = [...WIFI_CODES, ...BROKER_CODES, ...OWN_CODES].find((one) => one === value.code);
  const message = textField(value, "message", MAX_MESSAGE_CHARS);
  return code && message !== undefined ? { code, message } : undefined;
}

/** The code of pairing for a failure of the broker's session; `broker-no-answer` for one that pairing does not know. */
export function brokerFailureCode(code: string): PairingFailureCode {
  return BROKER_CODES.find((one) => one === code) ?? "broker-no-answer";
}
