/**
 * Functions of gatt-server.c. XS replaces each of these functions by the native one if it has exactly this form. A
 * connection is 0-5, a characteristic its number in the order of adding.
 */

export function addService(this: unknown, uuid: string): void {
  native("xs_gatt_addService").call(this, uuid);
}

export function addCharacteristic(this: unknown, uuid: string, properties: number): void {
  native("xs_gatt_addCharacteristic").call(this, uuid, properties);
}

/** Adds a descriptor to the characteristic that was added last. */
export function addDescriptor(this: unknown, uuid: string, value: Uint8Array): void {
  native("xs_gatt_addDescriptor").call(this, uuid, value);
}

/** Starts NimBLE, after the attributes were added. Throws without memory. */
export function start(
  this: unknown,
  mtu: number,
  onEvent: (type: number, connection: number, characteristic: number, value?: ArrayBuffer) => void,
): void {
  native("xs_gatt_start").call(this, mtu, onEvent);
}

/** Starts or replaces the advertisement, and sets the GAP device name (0x2A00). */
export function advertise(
  this: unknown,
  advertisement: Uint8Array,
  scanResponse: Uint8Array,
  name: string,
): void {
  native("xs_gatt_advertise").call(this, advertisement, scanResponse, name);
}

export function stopAdvertising(this: unknown): void {
  native("xs_gatt_stopAdvertising").call(this);
}

/** Sets the value that a central reads from now on. It does nothing if the central has written meanwhile. */
export function setValue(this: unknown, connection: number, characteristic: number, value: Uint8Array): void {
  native("xs_gatt_setValue").call(this, connection, characteristic, value);
}

/** Sends a notification. Returns 0, or an error of NimBLE. */
export function notify(this: unknown, connection: number, characteristic: number, value: Uint8Array): number {
  return native("xs_gatt_notify").call(this, connection, characteristic, value);
}

export function mtu(this: unknown, connection: number): number {
  return native("xs_gatt_mtu").call(this, connection);
}

/** Returns the address of the central, 12 hex digits; `undefined` if it has disconnected. */
export function address(this: unknown, connection: number): string | undefined {
  return native("xs_gatt_address").call(this, connection);
}

/** Ends a connection from NimBLE's task, which tries until it has succeeded. */
export function disconnect(this: unknown, connection: number): void {
  native("xs_gatt_disconnect").call(this, connection);
}

/** Ends advertising and all connections. */
export function close(this: unknown): void {
  native("xs_gatt_close").call(this);
}
