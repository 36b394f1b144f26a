/** Why there is no session with the broker. */
export interface MQTTFailure {
  readonly code: MQTTFailureCode;
  /** With `broker-refused`: 1 version, 2 client id, 3 unavailable, 4 user or password, 5 not authorized. */
  readonly connackCode?: number;
  /** What happened, for people; no secret in it. */
  readonly message: string;
}

export type MQTTFailureCode =
  /** The name has no address. */
  | "host-not-found"
  /** No TCP connection. */
  | "broker-unreachable"
  | "tls-failed"
  /** A connection, but no CONNACK, or no PUBACK. */
  | "broker-no-answer"
  /** CONNACK with a code other than 0. */
  | "broker-refused"
  /** The connection ended. */
  | "connection-lost"
  /** No PINGRESP. */
  | "keep-alive-missed"
  /** What came is not MQTT 3.1.1. */
  | "protocol-error"
  /** The board has no socket left, or refuses the address. */
  | "no-socket";
