import { decodeHex } from "../bytes/index.js";
import { isJSONObject, type JSONObject, textField } from "../json/index.js";
import type { RecordFormat } from "./record.js";

/** Cipher of the platform's responses (protocol, section 4). A station uses exactly one, without fallback. */
export type Cipher = "aes-256-gcm" | "aes-256-cbc";

/** Provisioned identity and secrets of a station. The firmware never writes them. */
export interface DeviceIdentity {
  /** 1-64 letters, digits, `-`, `_`; part of the MQTT topics. */
  readonly deviceId?: string;
  readonly productId?: string;
  /** Key that decrypts the platform's responses, 32 bytes. */
  readonly responseKey?: Uint8Array<ArrayBuffer>;
  readonly cipher?: Cipher;
  /** 8-63 characters. Without it the access point is open. */
  readonly accessPointPassword?: string;
  /** 8-63 characters; the admin login of the owner, printed on the label. */
  readonly adminPassword?: string;
  /** Preset fields of `/pair` by name. The owner enters the others. */
  readonly preset?: ReadonlyMap<string, string>;
}

const KEY_BYTES = 32;

/** Whether a text can be an id in MQTT topics: no `/`, `+`, `#` or control character. */
export function isTopicId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** Whether a text is a WPA passphrase: 8-63 printable ASCII characters (IEEE 802.11 annex J.4.1). */
function isWiFiPassword(text: string | undefined): boolean {
  return text !== undefined && /^[ -~]{8,63}$/.test(text);
}

function isCipher(value: unknown): value is Cipher {
  return value === "aes-256-gcm" || value === "aes-256-cbc";
}

/** Parses the record. Every field is optional; an invalid field makes the whole record unreadable. */
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
 * The record `device`, written by provisioning:
 * `{v, deviceId?, productId?, responseKey?, cipher?, apPassword?, adminPassword?, preset?: {"<field of /pair>": "…"}, wiring?}`.
 * The board itself reads `wiring` (modules/wiring) and `timeServer` (time-server.ts).
 */
export const deviceFormat: RecordFormat<DeviceIdentity> = {
  key: "device",
  version: 1,
  readOnly: true,
  parse,
  format: () => ({}),
};
