import type { Failure } from "../failure/index.js";

/** Reason why the client is offline. */
export interface MQTTFailure extends Failure<MQTTFailureCode> {
  /**
   * Code of the CONNACK, with `broker-refused`: 1 version, 2 client id, 3 unavailable, 4 user or password, 5 not
   * authorized.
   */
  readonly connackCode?: number;
}

/** Code of a failure. */
export type MQTTFailureCode =
  /** The broker's name has no address. */
  | "host-not-found"
  /** No TCP connection was established. */
  | "broker-unreachable"
  /** The TLS handshake failed. */
  | "tls-failed"
  /** The time, which TLS needs to check certificates, did not become known. */
  | "clock-unknown"
  /** The broker sent no CONNACK or no PUBACK in time. */
  | "broker-no-answer"
  /** CONNACK had a code other than 0. */
  | "broker-refused"
  /** The connection ended. */
  | "connection-lost"
  /** The broker sent no PINGRESP in time. */
  | "keep-alive-missed"
  /** The broker's data is not MQTT 3.1.1. */
  | "protocol-error"
  /** The board has no free socket, or refuses the address. */
  | "no-socket";
