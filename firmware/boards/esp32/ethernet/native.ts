/** Functions of ethernet.c. XS replaces each of these functions by the native one if it has exactly this form. */

/**
 * Starts the interface and DHCP. `wiring` has the values of ethernet-driver.h. `onChanged` reports that the address may
 * have changed. Throws when the interface does not answer; another call tries again.
 */
export function start(this: unknown, wiring: Uint8Array, onChanged: () => void): void {
  native("xs_ethernet_start").call(this, wiring, onChanged);
}

export function close(this: unknown): void {
  native("xs_ethernet_close").call(this);
}
