/** Identities of station and owner (docs/protocol.md, section 1). */

import type { Board, Crypto } from "../../modules/board/index.js";
import { encodeHex, encodeUTF8 } from "../../modules/bytes/index.js";
import type { Fields } from "../../modules/pairing/index.js";
import { ResponseKey } from "../../modules/requests/index.js";
import { type Cipher, deviceFormat, type MQTTAccount } from "../../modules/settings/index.js";
import type { TelemetryIdentity } from "../../modules/telemetry/index.js";
import type { Config } from "../config.js";
import type { Records } from "../records.js";

/** Identity of the station, independent of its owner. */
export interface StationIdentity extends TelemetryIdentity {
  /** Default name of the station. */
  readonly name: string;
  /** Key of the platform's responses. Without it (not provisioned) the station can send no request. */
  readonly responseKey: ResponseKey | undefined;
  readonly cipher: Cipher;
  readonly keyInRequest: boolean;
  /** Account of the station at the broker; `undefined`: it uses its owner's account. */
  readonly account: MQTTAccount | undefined;
  /** Provisioned password of the station's access point. Without it the station makes one. */
  readonly accessPointPassword: string | undefined;
  readonly adminPassword: string | undefined;
  /** Provisioned limit of the installation, A. */
  readonly installationLimitA: number | undefined;
  /** Built-in and provisioned parameters of pairing, by the fields of `/pair`. */
  readonly preset: Fields;
}

/** Reads the identity from the provisioned record `device`; built-in values are the defaults. */
export function readIdentity(board: Board, config: Config, records: Records): StationIdentity {
  const device = records.open(deviceFormat).read() ?? {};
  const provisioned = device.responseKey;
  return {
    deviceId: device.deviceId ?? deviceIdOfMAC(board.mac),
    name: config.name ?? config.productTitle,
    mac: board.mac,
    implementation: board.implementation,
    productId: device.productId ?? config.productId,
    firmwareVersion: config.firmwareVersion,
    responseKey: provisioned && new ResponseKey({ crypto: board.crypto, provisioned, records }),
    cipher: device.cipher ?? config.cipher,
    keyInRequest: device.keyInRequest ?? true,
    account: device.mqtt,
    accessPointPassword: device.accessPointPassword,
    adminPassword: device.adminPassword,
    installationLimitA: device.installationLimitA,
    preset: new Map([...Object.entries(config.preset ?? {}), ...(device.preset ?? [])]),
  };
}

interface Owner {
  readonly email: string;
  readonly token: string;
  readonly rootTopic?: string;
}

/** Lower-case hex SHA-256 of the trimmed e-mail address. */
function emailHash(crypto: Crypto, email: string): string {
  return encodeHex(crypto.sha256(encodeUTF8(email.trim())));
}

/** `<user>`, the first level of every topic of an owner. */
export function userOf(crypto: Crypto, owner: Owner): string {
  return owner.rootTopic ?? emailHash(crypto, owner.email);
}

/** Account of an owner at the broker. */
export function ownerAccount(crypto: Crypto, owner: Owner): MQTTAccount {
  return { username: emailHash(crypto, owner.email), password: owner.token };
}

/** Default device id of a station: its MAC address. */
function deviceIdOfMAC(mac: string): string {
  return mac.toLowerCase().replaceAll(":", "-");
}
