/** Validation of the registry's fields, for every source: the configuration file, a station, the admin page. */

import { z } from "zod";
import { isCardId } from "../modules/card-proof/index.js";
import type { CardEntry } from "./entries.js";

const MAX_LABEL_CHARS = 64;
const TAG_END_CHARS = 4;
/** Lowest current that a charging station offers, A (IEC 61851-1). */
const MIN_CURRENT_A = 6;
/** Highest current that a charging station offers, A (IEC 61851-1). */
const MAX_CURRENT_A = 80;

export const email = z
  .string()
  .max(128)
  .regex(/^[^\s\p{Cc}@]+@[^\s\p{Cc}@]+$/u, "must be an e-mail address");

export const deviceId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1-64 letters, digits, - and _");

export const tagText = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{4,64}$/, "must be 4-64 characters of A-Z a-z 0-9 . _ : -");

/** A name for display: one line, without control characters. */
export const label = z
  .string()
  .min(1)
  .max(MAX_LABEL_CHARS)
  .regex(/^[^\p{Cc}]*$/u, "must be one line, without control characters");

export const tagEntry = z.strictObject({
  tag: tagText,
  owner: email,
  label: label.optional(),
  stations: z.array(deviceId).optional(),
  blocked: z.boolean().optional(),
  /** Current limit, A. */
  maxCurrent: z.number().min(MIN_CURRENT_A).max(MAX_CURRENT_A).optional(),
  /** Validity without the platform, s. */
  cacheFor: z.number().int().min(0).optional(),
  accepts: z.enum(["static", "proof", "both"]).optional(),
});

/** The secret of a card. The last character has four bits, and two that are 0 (RFC 4648, section 3.5). */
export const cardSecret = z
  .string()
  .regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, "must be 32 bytes in base64url, 43 characters");

/** A mistake in a card's number or secret, as a sentence; `undefined` when they suit each other. */
export function proofProblemOf({ tag, accepts = "static", secret }: CardEntry): string | undefined {
  if (accepts === "static") {
    return secret === undefined ? undefined : "secret: a card that accepts no proofs has no secret";
  }
  return isCardId(tag)
    ? undefined
    : "tag: a card that accepts proofs needs a number of 16 characters of a-z 2-7; let the platform make one";
}

/** The displayed end of a tag: its last 4 characters, but no more than half of it. */
export function tagEndOf(tag: string): string {
  const shown = Math.min(TAG_END_CHARS, Math.floor(tag.length / 2));
  return `…${tag.slice(tag.length - shown)}`;
}
