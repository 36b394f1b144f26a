/** Authorization methods of a session (docs/protocol.md, section 4). The admin page bundles this file: import only types. */

import type { GrantMethod } from "../modules/charging/index.js";

/** Whether a card was presented. A method of the firmware that is missing here does not compile. */
const HAS_CARD: Readonly<Record<GrantMethod, boolean>> = {
  ble: true,
  rfid: true,
  remote: false,
  free: false,
};

export const METHODS = Object.keys(HAS_CARD) as GrantMethod[];

export function hasCard(method: GrantMethod): boolean {
  return HAS_CARD[method];
}
