/** What may stand in the fields of the registry, wherever it comes from: a file, a station, the admin page. */

import { z } from "zod";

const MAX_LABEL_CHARS = 64;

export const email = z
  .string()
  .max(128)
  .regex(/^[^\s\p{Cc}@]+@[^\s\p{Cc}@]+$/u, "must be an e-mail address");

export const deviceId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1-64 letters, digits, - and _");

export const tagText = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{4,64}$/, "must be 4-64 characters of A-Z a-z 0-9 . _ : -");

/** For people: without line ends and what else does not show. */
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
  /** A; IEC 61851-1 knows no less than 6. */
  maxCurrent: z.number().min(6).optional(),
  /** s */
  cacheFor: z.number().int().min(0).optional(),
});
