import { decodeHex } from "../bytes/index.js";
import { isJSONObject, type JSONObject, textField } from "../json/index.js";
import type { RecordFormat } from "./record.js";

/** The cipher of the platform's answers (protocol 4). A station has one; there is no fallback. */
export type Cipher = "aes-256-gcm" | "aes-256-cbc";

/** What a station was made with. The firmware reads it and never writes it. */
export interface DeviceIdentity {
  /** 1-64 characters that stand in a topic: letters, digits, `-`, `_`. */
  readonly deviceId?: string;
  readonly productId?: string;
  /** 32 bytes. */
  readonly responseKey?: Uint8Array<ArrayBuffer>;
  readonly cipher?: Cipher;
  /** 8-63 characters; a station without one has an open access point. */
  readonly accessPointPassword?: string;
  /** 8-63 characters, of whoever runs the station; printed on its label. */
  readonly adminPassword?: string;
  /** Fields of `/pair` by their names; what is missing is asked for. */
  readonly preset?: ReadonlyMap<string, string>;
}

const KEY_BYTES = 32;

/** An id that stands in MQTT topics: no `/`, `+`, `#`, no control character. */
export function isTopicId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** What an access point takes: 8-63 printable ASCII characters (IEEE 802.11 annex J.4.1). */
function isWiFiPassword(text: string | undefined): boolean {
  return text !== undefined && /^[ -~]{8,63}$/.test(text);
}

function isCipher(value: unknown): value is Cipher {
  return value === "aes-256-gcm" || value === "aes-256-cbc";
}

/** Each field may be missing; one that is there and wrong makes the record unreadable, so that nobody runs on half of it. */
function parse(record: JSONObject): DeviceIdentity | undefined {
  const deviceId = textField(record, "deviceId", 64);
  const productId = textField(record, "productId", 64);
  const keyText = textField(record, "responseKey", 2 * KEY_BYTES);
  const responseKey = keyText === undefined ? undefined : decodeHex(keyText);
  const accessPointPassword = textField(record, "apPassword", 63);
  const adminPassword = textField(record, "adminPassword", 63);
  const { cipher, preset } = record;
  if ("deviceId" in record && !(deviceId && isTopicId(deviceId))) return undefined;
  if ("productId" in record && !(productId && isTopicId(productId))) return undefined;
  if ("responseKey" in record && responseKey?.length !== KEY_BYTES) return undefined;
  if ("apPassword" in record && !isWiFiPassword(accessPointPassword)) return undefined;
  if ("adminPassword" in record && (adminPassword?.length ?? 0) < 8) return undefined;
  if (cipher !== undefined && !isCipher(cipher)) return undefined;
  if (preset !== undefined && !isJSONObject(preset)) return undefined;
  const fields = Object.entries(preset ?? {});
  if (!fields.every((field): field is [string, string] => typeof field[1] === "string")) return undefined;
  return {
    deviceId,
    productId,
    responseKey,
    cipher,
    accessPointPassword,
    adminPassword,
    preset: preset && new Map(fields),
  };
}

/**
 * The record `device`, as provisioning writes it:
 * `{v, deviceId?, productId?, responseKey?, cipher?, apPassword?, adminPassword?, preset?: {"<field of /pair>": "…"}}`.
 */
export const deviceFormat: RecordFormat<DeviceIdentity> = {
  key: "device",
  version: 1,
  readOnly: true,
  parse,
  format: () => ({}),
};
