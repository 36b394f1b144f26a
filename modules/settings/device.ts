import { decodeHex } from "../bytes/index.js";
import { MAX_CURRENT_A, MIN_CURRENT_A } from "../charging/index.js";
import { isJSONObject, type JSONObject, numberField, textField } from "../json/index.js";
import type { RecordFormat } from "./record.js";

/** Cipher of the platform's responses (protocol, section 4). A station uses exactly one, without fallback. */
export type Cipher = "aes-256-gcm" | "aes-256-cbc";

/** Account of a station at the broker. */
export interface MQTTAccount {
  readonly username: string;
  readonly password: string;
}

/** Provisioned identity and secrets of a station. The firmware never writes them. */
export interface DeviceIdentity {
  /** 1-64 letters, digits, `-`, `_`; part of the MQTT topics. */
  readonly deviceId?: string;
  readonly productId?: string;
  /** Key that decrypts the platform's responses, 32 bytes. */
  readonly responseKey?: Uint8Array<ArrayBuffer>;
  readonly cipher?: Cipher;
  /** Whether requests contain the response key. `false`: the platform knows it. Default: `true`. */
  readonly keyInRequest?: boolean;
  /** Account of the station at the broker. Without it the station uses its owner's account. */
  readonly mqtt?: MQTTAccount;
  /** 8-63 characters. Without it the station makes one. */
  readonly accessPointPassword?: string;
  /** 8-63 characters; the first admin password, printed on the inner label. The owner changes it. */
  readonly adminPassword?: string;
  /** Highest current of the installation, 6-32 A. Neither the owner nor a factory reset can raise it. */
  readonly installationLimitA?: number;
  /** Preset fields of `/pair` by name. The owner enters the others. */
  readonly preset?: ReadonlyMap<string, string>;
}

const KEY_BYTES = 32;
const MAX_ACCOUNT_CHARS = 128;
/** Range of the installation's limit: IEC 61851-1 table A.8, and what this firmware offers. */
const INSTALLATION_LIMIT_A = { min: MIN_CURRENT_A, max: MAX_CURRENT_A };

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

/** Parses `mqtt`; `undefined` unless both fields are valid. */
function parseAccount(value: unknown): MQTTAccount | undefined {
  if (!isJSONObject(value)) return undefined;
  const username = textField(value, "username", MAX_ACCOUNT_CHARS);
  const password = textField(value, "password", MAX_ACCOUNT_CHARS);
  return username && password ? { username, password } : undefined;
}

/** Parses a field with a key of 64 hex digits; `undefined` for any other value. */
export function keyField(record: JSONObject, name: string): Uint8Array<ArrayBuffer> | undefined {
  const text = textField(record, name, 2 * KEY_BYTES);
  const key = text === undefined ? undefined : decodeHex(text);
  return key?.length === KEY_BYTES ? key : undefined;
}

/** Parses the record. Every field is optional; an invalid field makes the whole record unreadable. */
function parse(record: JSONObject): DeviceIdentity | undefined {
  const deviceId = textField(record, "deviceId", 64);
  const productId = textField(record, "productId", 64);
  const responseKey = keyField(record, "responseKey");
  const accessPointPassword = textField(record, "apPassword", 63);
  const adminPassword = textField(record, "adminPassword", 63);
  const { cipher, preset, keyInRequest } = record;
  const mqtt = parseAccount(record.mqtt);
  const installationLimitA = numberField(record, "installationLimitA", INSTALLATION_LIMIT_A);
  if ("deviceId" in record && !(deviceId && isTopicId(deviceId))) return undefined;
  if ("productId" in record && !(productId && isTopicId(productId))) return undefined;
  if ("responseKey" in record && !responseKey) return undefined;
  if ("apPassword" in record && !isWiFiPassword(accessPointPassword)) return undefined;
  if ("adminPassword" in record && (adminPassword?.length ?? 0) < 8) return undefined;
  if (cipher !== undefined && !isCipher(cipher)) return undefined;
  if (keyInRequest !== undefined && typeof keyInRequest !== "boolean") return undefined;
  if ("mqtt" in record && !mqtt) return undefined;
  if ("installationLimitA" in record && installationLimitA === undefined) return undefined;
  if (preset !== undefined && !isJSONObject(preset)) return undefined;
  const fields = Object.entries(preset ?? {});
  if (!fields.every((field): field is [string, string] => typeof field[1] === "string")) return undefined;
  return {
    deviceId,
    productId,
    responseKey,
    cipher,
    keyInRequest,
    mqtt,
    accessPointPassword,
    adminPassword,
    installationLimitA,
    preset: preset && new Map(fields),
  };
}

/**
 * The record `device`, written by provisioning:
 * `{v, deviceId?, productId?, responseKey?, cipher?, keyInRequest?, mqtt?: {username, password}, apPassword?, adminPassword?,
 * installationLimitA?, preset?: {"<field of /pair>": "…"}, wiring?, timeServer?}`.
 * The board itself reads `wiring` (modules/wiring) and `timeServer` (time-server.ts).
 */
export const deviceFormat: RecordFormat<DeviceIdentity> = {
  key: "device",
  version: 1,
  readOnly: true,
  parse,
  format: () => ({}),
};
