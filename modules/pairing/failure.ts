import type { Failure } from "../failure/index.js";
import type { ConnectionFailureCode } from "../faults/index.js";
import { isJSONObject, textField } from "../json/index.js";
import type { MQTTFailureCode } from "../mqtt/index.js";

const CODES = [
  "wifi-not-found",
  "wifi-wrong-password",
  "wifi-no-address",
  "host-not-found",
  "broker-unreachable",
  "broker-no-answer",
  "broker-refused",
  "tls-failed",
  "clock-unknown",
  /** The tried parameters work, but could not be stored. */
  "storage-failed",
  /** The power failed while the parameters were tried. */
  "interrupted",
  /** Pairing mode was left while the parameters were tried. */
  "given-up",
] as const satisfies readonly ConnectionFailureCode[];

/** Code of a pairing failure (protocol, section 2). */
export type PairingFailureCode = (typeof CODES)[number];

/** Failure of a pairing attempt. Its message is for the owner. */
export type PairingFailure = Failure<PairingFailureCode>;

const MAX_MESSAGE_CHARS = 300;

/** Pairing codes of the failures to reach the broker. */
export const BROKER_CODES: Readonly<Record<MQTTFailureCode, PairingFailureCode>> = {
  "host-not-found": "host-not-found",
  "broker-unreachable": "broker-unreachable",
  "broker-no-answer": "broker-no-answer",
  "broker-refused": "broker-refused",
  "tls-failed": "tls-failed",
  "clock-unknown": "clock-unknown",
  "connection-lost": "broker-no-answer",
  "keep-alive-missed": "broker-no-answer",
  "protocol-error": "broker-no-answer",
  "no-socket": "broker-no-answer",
};

/** Parses a stored failure; `undefined` when it is invalid. */
export function parseFailure(value: unknown): PairingFailure | undefined {
  if (!isJSONObject(value)) return undefined;
  const code = CODES.find((one) => one === value.code);
  const message = textField(value, "message", MAX_MESSAGE_CHARS);
  return code && message !== undefined ? { code, message } : undefined;
}
