/**
 * Functions of tls-connections.c. XS replaces each of these functions by the native one if it has exactly this form. A
 * connection is a small number.
 */

/** Registers the one callback. `onEvent(connection)` follows each change by a handshake. */
export function listen(this: unknown, onEvent: (connection: number) => void): void {
  native("xs_tls_listen").call(this, onEvent);
}

/** Returns the day of the build, as 2026-11-27. */
export function buildDate(this: unknown): string {
  return native("xs_tls_buildDate").call(this);
}

/** Returns a new connection; -1 if all are in use. */
export function open(this: unknown, host: string): number {
  return native("xs_tls_open").call(this, host);
}

/** Sets the certificate and the private key, DER, for a server that asks for one. Throws without memory for a copy. */
export function setCertificate(
  this: unknown,
  connection: number,
  certificate: ArrayBuffer,
  key: ArrayBuffer,
): void {
  native("xs_tls_setCertificate").call(this, connection, certificate, key);
}

/** Starts the handshake, after those of other connections. */
export function shakeHands(this: unknown, connection: number, nowS: number): void {
  native("xs_tls_shakeHands").call(this, connection, nowS);
}

/** Returns the result of the handshake's last step, `enum tls_result` of tls-session.h. */
export function result(this: unknown, connection: number): number {
  return native("xs_tls_result").call(this, connection);
}

/** Returns the number of encrypted bytes that `put` takes. */
export function room(this: unknown, connection: number): number {
  return native("xs_tls_room").call(this, connection);
}

export function put(this: unknown, connection: number, bytes: ArrayBuffer): void {
  native("xs_tls_put").call(this, connection, bytes);
}

/** Reports that the server has closed TCP. */
export function putEnd(this: unknown, connection: number): void {
  native("xs_tls_putEnd").call(this, connection);
}

/** Returns up to `length` encrypted bytes for the server; `undefined` without any. */
export function take(this: unknown, connection: number, length: number): ArrayBuffer | undefined {
  return native("xs_tls_take").call(this, connection, length);
}

/** Returns the number of decrypted bytes; without any, -1 times the reason (`enum tls_result`). */
export function readable(this: unknown, connection: number): number {
  return native("xs_tls_readable").call(this, connection);
}

export function read(this: unknown, connection: number, length: number): ArrayBuffer {
  return native("xs_tls_read").call(this, connection, length);
}

/** Encrypts bytes and returns how many; 0 if the connection is broken. `take` has to empty the session before. */
export function write(this: unknown, connection: number, bytes: Uint8Array, from: number): number {
  return native("xs_tls_write").call(this, connection, bytes, from);
}

/** Encrypts the alert that ends the connection. */
export function end(this: unknown, connection: number): void {
  native("xs_tls_end").call(this, connection);
}

export function close(this: unknown, connection: number): void {
  native("xs_tls_close").call(this, connection);
}
