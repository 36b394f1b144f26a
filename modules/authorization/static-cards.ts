import type { Method } from "./verifier.js";

/** Where plain tags are accepted: by phones and the card reader, by the reader alone, or nowhere. */
export const STATIC_CARDS = ["all", "rfid", "none"] as const;
/** Where plain tags are accepted. They can be copied: a card without a secret says all that it has. */
export type StaticCards = (typeof STATIC_CARDS)[number];

/** Whether a plain tag is accepted by a method. */
export function acceptsStatic(setting: StaticCards, method: Method): boolean {
  return setting === "all" || setting === method;
}
