import { randomBytes, randomInt } from "node:crypto";
import { encodeHex, encodeUTF8 } from "../../modules/bytes/index.js";
import { parseJSONObject } from "../../modules/json/index.js";
import {
  CLIENT_CERTIFICATE_KEY,
  CLIENT_KEY_KEY,
  type ClientCertificate,
  deviceFormat,
} from "../../modules/settings/index.js";
import { WIRED_KEY } from "../../modules/wiring/index.js";
import type { Cipher } from "../entries.js";
import type { StoredWiring } from "./board-file.js";
import { makeNVSImage } from "./nvs-image.js";
import { readNVSImage } from "./nvs-reader.js";

/** Identity of a station. All but the id and the product is secret. */
export interface Identity {
  /** The device id, `<product>-` and 8 lower-case hex digits. */
  readonly id: string;
  readonly product: string;
  /** The response key: 64 lower-case hex digits. */
  readonly key: string;
  readonly cipher: Cipher;
  /**
   * MQTT password of the station's own account, of a station that its platform knows. Such a station does not send its
   * key. Without it the station uses its owner's account.
   */
  readonly password?: string;
  readonly accessPointPassword: string;
  readonly adminPassword: string;
}

/** NVS namespace of the firmware's storage. */
const NAMESPACE = "plugpass";
/** NVS key of the device record. */
const KEY = deviceFormat.key;

/** Size of the partition `nvs` in manifests/partitions.csv, bytes. An image fills it, so that no old data remains. */
export const STATION_PARTITION_BYTES = 0x14000;

/** Characters of passwords, without 0, 1, i, l and o, which are easily confused. */
const PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
/** Length of passwords. 12 characters are 59 bits. */
const PASSWORD_CHARS = 12;

/** Whether a product id is valid. A device id then has at most 64 characters, and does not look like a flag. */
export function isProduct(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,54}$/.test(text);
}

export function isIdOf(product: string, id: string): boolean {
  return id.startsWith(`${product}-`) && /^[0-9a-f]{8}$/.test(id.slice(product.length + 1));
}

export function randomId(product: string): string {
  return `${product}-${randomBytes(4).toString("hex")}`;
}

/** A response key: 32 random bytes as hex. */
export function randomKey(): string {
  return randomBytes(32).toString("hex");
}

export function randomPassword(): string {
  const letters = Array.from({ length: PASSWORD_CHARS }, () =>
    PASSWORD_ALPHABET.charAt(randomInt(PASSWORD_ALPHABET.length)),
  );
  return letters.join("");
}

/** Fields of the record `device` for a station that its platform knows. */
export function knownToPlatform(id: string, password: string) {
  return { keyInRequest: false, mqtt: { username: id, password } };
}

export interface ImageOptions {
  /** Default: `STATION_PARTITION_BYTES`. */
  readonly partitionBytes?: number;
  /** Default: the wiring that is built into the firmware. */
  readonly wiring?: StoredWiring;
  /** Default: none. */
  readonly clientCertificate?: ClientCertificate;
  /** Time server (SNTP). Default: that of the network. */
  readonly timeServer?: string;
  /** Whether the station connects over TLS only. */
  readonly requiresTLS?: boolean;
  /** Highest current of the installation, A. Default: that of the wiring. */
  readonly installationLimitA?: number;
}

/** The NVS partition that gives a station this identity and wiring. */
export function imageOf(identity: Identity, options: ImageOptions = {}): Uint8Array<ArrayBuffer> {
  const {
    partitionBytes = STATION_PARTITION_BYTES,
    wiring,
    clientCertificate,
    timeServer,
    requiresTLS,
    installationLimitA,
  } = options;
  const record = {
    v: deviceFormat.version,
    deviceId: identity.id,
    productId: identity.product,
    responseKey: identity.key,
    cipher: identity.cipher,
    ...(identity.password === undefined ? {} : knownToPlatform(identity.id, identity.password)),
    apPassword: identity.accessPointPassword,
    adminPassword: identity.adminPassword,
    installationLimitA,
    wiring,
    timeServer,
    ...(requiresTLS && { preset: { security: "tls" } }),
  };
  const values = new Map([[KEY, encodeUTF8(JSON.stringify(record))]]);
  if (wiring) values.set(WIRED_KEY, Uint8Array.of(1));
  if (clientCertificate) {
    values.set(CLIENT_CERTIFICATE_KEY, new Uint8Array(clientCertificate.certificate));
    values.set(CLIENT_KEY_KEY, new Uint8Array(clientCertificate.key));
  }
  return makeNVSImage(new Map([[NAMESPACE, values]]), { sizeBytes: partitionBytes });
}

/** The identity in an image; `undefined` when it is missing or incomplete. Throws an NVSError for an invalid image. */
export function identityIn(image: Uint8Array): Identity | undefined {
  const value = readNVSImage(image).get(NAMESPACE)?.get(KEY);
  const fields = value && parseJSONObject(value);
  const device = fields && deviceFormat.parse(fields, deviceFormat.version);
  if (!device) return undefined;
  const { deviceId, productId, responseKey, cipher, mqtt, accessPointPassword, adminPassword } = device;
  if (!deviceId || !productId || !responseKey || !cipher || !accessPointPassword || !adminPassword) {
    return undefined;
  }
  return {
    id: deviceId,
    product: productId,
    key: encodeHex(responseKey),
    cipher,
    ...(mqtt && { password: mqtt.password }),
    accessPointPassword,
    adminPassword,
  };
}
