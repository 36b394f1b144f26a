import type { Crypto } from "../board/index.js";
import { asUint8Array, decodeBase64, encodeUTF8 } from "../bytes/index.js";
import { type JSONObject, parseJSONObject, textField } from "../json/index.js";
import type { Cipher } from "../settings/index.js";

/** Maximum length of a response's base64 text. A `local-list` of 500 hashes has 48,000 characters. */
const MAX_DATA_CHARS = 65_536;
const GCM_IV_BYTES = 12;
const GCM_TAG_BYTES = 16;
const CBC_BLOCK_BYTES = 16;

/** A response before decryption. Its fields are not trusted. */
export interface Envelope {
  readonly id: string;
  /** All fields of the response, for `openResponse`. */
  readonly fields: JSONObject;
}

/** Parses a payload; `undefined` when it is not a JSON object or has no valid id. */
export function parseEnvelope(payload: Uint8Array<ArrayBuffer>): Envelope | undefined {
  const fields = parseJSONObject(payload);
  if (!fields) return undefined;
  const id = wireText(fields.id);
  return id === undefined ? undefined : { id, fields };
}

/** Result of `openResponse`. */
export type OpenedResponse =
  | { readonly type: "success"; readonly data: JSONObject }
  | { readonly type: "error"; readonly code: number; readonly data: JSONObject }
  /** The response is not by the platform, not for this request, or malformed. */
  | { readonly type: "untrusted" };

/**
 * Decrypts a response with the station's cipher (protocol, section 4). GCM authenticates topic, id, status and code. CBC
 * authenticates nothing, so callers check the success in the decrypted data.
 */
export function openResponse(options: {
  crypto: Crypto;
  cipher: Cipher;
  key: Uint8Array<ArrayBuffer>;
  topic: string;
  envelope: Envelope;
}): OpenedResponse {
  const { envelope } = options;
  const status = wireText(envelope.fields.status);
  const code = wireText(envelope.fields.code);
  const dataText = textField(envelope.fields, "data", MAX_DATA_CHARS);
  const sealed = dataText === undefined ? undefined : decodeBase64(dataText);
  if ((status !== "0" && status !== "1") || !code || !/^[1-5]\d\d$/.test(code) || !sealed) {
    return { type: "untrusted" };
  }
  const additionalData = encodeUTF8(`${options.topic}|${envelope.id}|${status}|${code}`);
  const plain = decrypt({ ...options, sealed, additionalData });
  const data = plain && parseJSONObject(plain);
  if (!data) return { type: "untrusted" };
  if (status === "1" && code.startsWith("2")) return { type: "success", data };
  return { type: "error", code: Number(code), data };
}

function decrypt(options: {
  crypto: Crypto;
  cipher: Cipher;
  key: Uint8Array<ArrayBuffer>;
  sealed: Uint8Array<ArrayBuffer>;
  additionalData: Uint8Array<ArrayBuffer>;
}): Uint8Array<ArrayBuffer> | undefined {
  const { crypto, key, sealed, additionalData } = options;
  let plain: ArrayBuffer | undefined;
  if (options.cipher === "aes-256-gcm") {
    if (sealed.length < GCM_IV_BYTES + GCM_TAG_BYTES) return undefined;
    const iv = sealed.subarray(0, GCM_IV_BYTES);
    plain = crypto.openGCM({ key, iv, additionalData, sealed: sealed.subarray(GCM_IV_BYTES) });
  } else {
    if (sealed.length < 2 * CBC_BLOCK_BYTES || sealed.length % CBC_BLOCK_BYTES !== 0) return undefined;
    const iv = sealed.subarray(0, CBC_BLOCK_BYTES);
    plain = crypto.decryptCBC({ key, iv, data: sealed.subarray(CBC_BLOCK_BYTES) });
  }
  return plain && asUint8Array(plain);
}

/** Reads a field that is a string or an integer. Integers beyond the precision of a double are rejected. */
function wireText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}
