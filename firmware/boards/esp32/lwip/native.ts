/** Functions of sockets.c. XS replaces each of these functions by the native one if it has exactly this form. */

/** Holds lwIP's task until `release`: nothing arrives meanwhile. Between the two, connect and resolve nothing. */
export function hold(this: unknown): void {
  native("xs_lwip_hold").call(this);
}

/** Lets lwIP's task continue. */
export function release(this: unknown): void {
  native("xs_lwip_release").call(this);
}

/** Closes the connection of a socket of the SDK that is not closed. The SDK's `close` then only frees the socket. */
export function closeConnection(this: unknown, socket: object): void {
  native("xs_lwip_closeConnection").call(this, socket);
}

/** Returns the address of a socket's peer; `undefined` if the connection is over. */
export function remoteAddress(this: unknown, socket: object): string | undefined {
  return native("xs_lwip_remoteAddress").call(this, socket);
}

/** Lets DHCP set the time server, from the next lease on. */
export function acceptTimeServer(this: unknown): void {
  native("xs_lwip_acceptTimeServer").call(this);
}

/** Returns the address of the time server that DHCP has named last, IPv4; `undefined` without any. */
export function timeServer(this: unknown): string | undefined {
  return native("xs_lwip_timeServer").call(this);
}
