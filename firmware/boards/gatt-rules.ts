/** Rules of a GATT server, for the chip and the virtual board. */

import { type GATTCharacteristic, GATTProperties, type GATTService } from "../../modules/board/index.js";

/** ATT_MTU of LE until it is exchanged (Core 5.4 Vol 3 Part G 5.2.1). */
export const MIN_MTU = 23;
const MAX_MTU = 517;
/** MTU that the server offers by default (CONFIG_BT_NIMBLE_ATT_PREFERRED_MTU). */
const PREFERRED_MTU = 256;
/** Length of a notification's opcode and handle. */
export const NOTIFICATION_HEADER_BYTES = 3;

/** MTU that a server offers. */
export function offeredMTU(asked: number = PREFERRED_MTU): number {
  return Math.min(MAX_MTU, Math.max(MIN_MTU, asked));
}

/** Checks that the callbacks of all characteristics match their properties exactly. */
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
