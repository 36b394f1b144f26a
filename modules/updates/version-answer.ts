import { decodeHex } from "../bytes/index.js";
import { type JSONObject, numberField, textField } from "../json/index.js";
import { MAX_VERSION } from "./image.js";
import type { Expectation } from "./installation.js";
import { SIGNATURE_BYTES } from "./signature.js";

const SHA256_BYTES = 32;
/** Maximum size of an image, bytes: the 32-bit address space. */
const MAX_SIZE = 0xffff_ffff;

/** Announced properties of the newest firmware. */
export interface VersionAnswer extends Expectation {
  readonly version: number;
}

/**
 * Parses the platform's answer about the newest firmware: `{firmware_version, size?, sha256?, signature?}`, hash and
 * signature in hex (docs/protocol.md). `undefined` when a field is invalid or the version is missing.
 */
export function parseVersionAnswer(fields: JSONObject): VersionAnswer | undefined {
  const version = numberField(fields, "firmware_version", { min: 0, max: MAX_VERSION });
  const size = numberField(fields, "size", { min: 1, max: MAX_SIZE });
  const sha256 = bytesField(fields, "sha256", SHA256_BYTES);
  const signature = bytesField(fields, "signature", SIGNATURE_BYTES);
  if (version === undefined || !Number.isInteger(version)) return undefined;
  if (fields.size !== undefined && !Number.isInteger(size)) return undefined;
  if (fields.sha256 !== undefined && !sha256) return undefined;
  if (fields.signature !== undefined && !signature) return undefined;
  return { version, size, sha256, signature };
}

function bytesField(
  fields: JSONObject,
  name: string,
  byteLength: number,
): Uint8Array<ArrayBuffer> | undefined {
  const text = textField(fields, name, 2 * byteLength);
  const bytes = text === undefined ? undefined : decodeHex(text);
  return bytes?.length === byteLength ? bytes : undefined;
}
