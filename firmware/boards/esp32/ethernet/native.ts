/** Functions of ethernet.c. XS replaces each of these functions by the native one if it has exactly this form. */

/**
 * Starts the interface and DHCP. `pins` describes the wiring, 255 for none (ethernet-driver.h). `onChanged` reports
 * that the address may have changed. Throws when the interface does not answer.
 */
export function start(this: unknown, pins: Uint8Array, onChanged: () => void): void {
  native("xs_ethernet_start").call(this, pins, onChanged);
}

export function close(this: unknown): void {
  native("xs_ethernet_close").call(this);
}
