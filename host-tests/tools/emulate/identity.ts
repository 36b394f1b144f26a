import { existsSync, readFileSync } from "node:fs";
import { defaultConfig } from "../../../firmware/config.js";
import { readConfig } from "../../../platform-stub/config.js";
import { identityIn, imageOf, randomKey } from "../../../platform-stub/provisioning/identity.js";
import { randomPassword } from "../../../platform-stub/provisioning/index.js";

export interface IdentityOptions {
  /** An `.nvs.bin` of `npm run provision`. */
  readonly station?: string;
  /** Configuration of a platform that has the device. */
  readonly provisionFrom?: string;
  readonly deviceId: string;
}

export interface MadeIdentity {
  readonly id: string;
  readonly adminPassword: string;
  /** Content of the key-value partition. */
  readonly image: Uint8Array;
}

/** Reads the identity of a station, or makes one. Throws a message for people if a file has no identity. */
export function identityFor({ station, provisionFrom, deviceId }: IdentityOptions): MadeIdentity {
  if (station !== undefined) {
    if (!existsSync(station)) throw new Error(`${station} does not exist; make it with npm run provision`);
    const image = Uint8Array.from(readFileSync(station));
    const identity = identityIn(image);
    if (!identity) throw new Error(`${station} has no identity of a station; make it with npm run provision`);
    return { ...identity, image };
  }
  const device = provisionFrom === undefined ? undefined : deviceOf(provisionFrom, deviceId);
  return makeIdentity({ ...device, id: deviceId });
}

function deviceOf(file: string, deviceId: string) {
  const device = readConfig(file).devices.find(({ id }) => id === deviceId);
  if (!device)
    throw new Error(`${file} has no device ${deviceId}; add it with npm run platform -- add-device`);
  return device;
}

/** Makes the identity of a device, with new passwords. The default key is random: no platform knows it. */
export function makeIdentity(device: {
  readonly id: string;
  readonly key?: string;
  readonly cipher?: "aes-256-gcm" | "aes-256-cbc";
  /** Password of the device's own account at the broker. */
  readonly password?: string;
}): MadeIdentity {
  const { id, key = randomKey(), cipher = defaultConfig.cipher, password } = device;
  const adminPassword = randomPassword();
  const image = imageOf({
    id,
    product: defaultConfig.productId,
    key,
    cipher,
    password,
    accessPointPassword: randomPassword(),
    adminPassword,
  });
  return { id, adminPassword, image };
}
