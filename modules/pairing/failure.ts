import { isJSONObject, textField } from "../json/index.js";
import type { LinkFailure } from "../network/index.js";

/** Failure of a pairing attempt. */
export interface PairingFailure {
  /** Code of protocol, section 2. */
  readonly code: PairingFailureCode;
  /** The failure and its remedy; a sentence for the owner. */
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
  /** The tried parameters work, but could not be stored. */
  "storage-failed",
  /** The power failed while the parameters were tried. */
  "interrupted",
  /** Pairing mode was left while the parameters were tried. */
  "given-up",
] as const;

/** Code of a pairing failure (protocol, section 2). */
export type PairingFailureCode =
  | LinkFailure["code"]
  | (typeof BROKER_CODES)[number]
  | (typeof OWN_CODES)[number];

const MAX_MESSAGE_CHARS = 300;

/** Parses a stored failure; `undefined` when it is invalid. */
export function parseFailure(value: unknown): PairingFailure | undefined {
  if (!isJSONObject(value)) return undefined;
  const code = [...WIFI_CODES, ...BROKER_CODES, ...OWN_CODES].find((one) => one === value.code);
  const message = textField(value, "message", MAX_MESSAGE_CHARS);
  return code && message !== undefined ? { code, message } : undefined;
}

/** Maps a failure code of the broker connection to a pairing code; unknown codes become `broker-no-answer`. */
export function brokerFailureCode(code: string): PairingFailureCode {
  return BROKER_CODES.find((one) => one === code) ?? "broker-no-answer";
}
