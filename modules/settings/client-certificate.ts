import type { Storage } from "../board/index.js";

/** Certificate by which a station proves itself to a TLS server that asks for one, and its private key; both DER. */
export interface ClientCertificate {
  /** One X.509 certificate, without its issuers. */
  readonly certificate: ArrayBuffer;
  /** PKCS #8. */
  readonly key: ArrayBuffer;
}

/**
 * Storage keys of the provisioned client certificate and its private key. Each is the DER itself, at most 4000 bytes: the
 * record `device` would be too large with them.
 */
export const CLIENT_CERTIFICATE_KEY = "tls-cert";
export const CLIENT_KEY_KEY = "tls-key";

/** Reads the provisioned client certificate. Returns `undefined` unless both values are there. */
export function readClientCertificate(storage: Storage): ClientCertificate | undefined {
  const certificate = storage.read(CLIENT_CERTIFICATE_KEY);
  const key = certificate && storage.read(CLIENT_KEY_KEY);
  return certificate && key && { certificate, key };
}
