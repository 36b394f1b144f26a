/** Who is who (docs/protocol.md, section 1). */

import type { Board, Crypto } from "../../modules/board/index.js";
import { encodeHex, encodeUTF8 } from "../../modules/bytes/index.js";
import type { Fields } from "../../modules/pairing/index.js";
import { type Cipher, deviceFormat } from "../../modules/settings/index.js";
import type { TelemetryIdentity } from "../../modules/telemetry/index.js";
import type { Config } from "../config.js";
import type { Records } from "../records.js";

/** Who the station is to the platform, whoever owns it. */
export interface StationIdentity extends Omit<TelemetryIdentity, "user"> {
  /** 32 bytes; a station that was not provisioned has none, and cannot ask the platform anything. */
  readonly responseKey: Uint8Array<ArrayBuffer> | undefined;
  readonly cipher: Cipher;
  /** Of the station's own network; none: it is open. */
  readonly accessPointPassword: string | undefined;
  readonly adminPassword: string | undefined;
  /** Of the parameters of pairing, by the fields of `/pair`. */
  readonly preset: Fields;
}

/** What the station was made with, and where that says nothing, what is built in. */
export function readIdentity(board: Board, config: Config, records: Records): StationIdentity {
  const device = records(deviceFormat).read() ?? {};
  return {
    deviceId: device.deviceId ?? deviceIdOfMAC(board.mac),
    name: config.name ?? config.productTitle,
    mac: board.mac,
    implementation: board.implementation,
    productId: device.productId ?? config.productId,
    firmwareVersion: config.firmwareVersion,
    responseKey: device.responseKey,
    cipher: device.cipher ?? config.cipher,
    accessPointPassword: device.accessPointPassword,
    adminPassword: device.adminPassword,
    preset: new Map([...Object.entries(config.preset ?? {}), ...(device.preset ?? [])]),
  };
}

interface Owner {
  readonly email: string;
  readonly token: string;
  readonly rootTopic?: string;
}

/** Lower-case hex SHA-256 of the e-mail, trimmed. */
function emailHash(crypto: Crypto, email: string): string {
  return encodeHex(crypto.sha256(encodeUTF8(email.trim())));
}

/** `<user>`, the first level of every topic of an owner. */
export function userOf(crypto: Crypto, owner: Owner): string {
  return owner.rootTopic ?? emailHash(crypto, owner.email);
}

/** MQTT user name and password. */
export function brokerAccount(crypto: Crypto, owner: Owner): { username: string; password: string } {
  return { username: emailHash(crypto, owner.email), password: owner.token };
}

/** The device id of a station that nobody gave one: its MAC address. */
function deviceIdOfMAC(mac: string): string {
  return mac.toLowerCase().replaceAll(":", "-");
}
