/** Rules of the chip's GATT server that every GATT server here enforces. */

import { type GATTCharacteristic, GATTProperties, type GATTService } from "../../../modules/board/index.js";

/** Maximum number of connected centrals (CONFIG_BT_NIMBLE_MAX_CONNECTIONS). */
export const MAX_CONNECTIONS = 3;
/** ATT_MTU of LE until it is exchanged (Core 5.4 Vol 3 Part G 5.2.1). */
export const MIN_MTU = 23;
const MAX_MTU = 517;
/** MTU that the server offers by default (CONFIG_BT_NIMBLE_ATT_PREFERRED_MTU). */
const PREFERRED_MTU = 256;
/** Maximum length of an attribute's value (Core 5.4 Vol 3 Part F 3.2.9). */
export const MAX_VALUE_BYTES = 512;
/** Length of a notification's opcode and handle. */
export const NOTIFICATION_HEADER_BYTES = 3;

/** ATT error codes (Core 5.4 Vol 3 Part F 3.4.1.1). */
export const AttError = Object.freeze({
  none: 0x00,
  readNotPermitted: 0x02,
  writeNotPermitted: 0x03,
  invalidPDU: 0x04,
  invalidOffset: 0x07,
  prepareQueueFull: 0x09,
  notFound: 0x0a,
  invalidLength: 0x0d,
  valueNotAllowed: 0x13,
});

/** MTU that a server offers. */
export function offeredMTU(asked: number = PREFERRED_MTU): number {
  return Math.min(MAX_MTU, Math.max(MIN_MTU, asked));
}

/** Checks services as strictly as the SDK's server: callbacks must match the properties exactly. */
export function checkServices(services: readonly GATTService[]): void {
  for (const service of services) service.characteristics.forEach(checkCharacteristic);
}

function checkCharacteristic(characteristic: GATTCharacteristic): void {
  const { uuid, properties } = characteristic;
  const rules: [string, number, unknown][] = [
    ["onRead", GATTProperties.read, characteristic.onRead],
    ["onWrite", GATTProperties.write, characteristic.onWrite],
    ["onSubscribe", GATTProperties.notify, characteristic.onSubscribe],
    ["onUnsubscribe", GATTProperties.notify, characteristic.onUnsubscribe],
  ];
  for (const [name, property, callback] of rules) {
    if (((properties & property) !== 0) !== (callback !== undefined)) {
      throw new Error(`inconsistent ${name} of characteristic ${uuid}`);
    }
  }
}
