/** How a session may begin (docs/protocol.md, section 4). Nothing is imported that runs: the admin page has this too. */

import type { GrantMethod } from "../modules/charging/index.js";

/** Whether a card was presented. A method that the firmware gets and that is missing here does not compile. */
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
