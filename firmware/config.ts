/** Built-in configuration of a firmware. Provisioned values (the record `device`) take precedence. */

import type { RefusedTags } from "../modules/authorization/index.js";
import { decodeHex, encodeUTF8 } from "../modules/bytes/index.js";
import { MAX_CURRENT_A, MIN_CURRENT_A } from "../modules/charging/index.js";
import { formatJSON } from "../modules/json/index.js";
import type { ModbusMeterConfig } from "../modules/meter/index.js";
import { DEFAULT_TITLE, MAX_TITLE_BYTES, problemOfPart } from "../modules/pairing/index.js";
import { READER_KINDS, type ReaderKind } from "../modules/rfid/index.js";
import { type Cipher, isTopicId } from "../modules/settings/index.js";
import { PUBLIC_KEY_BYTES, parseURL } from "../modules/updates/index.js";
import type { Wiring } from "../modules/wiring/index.js";

export interface Config {
  /** Published as `$fw/name`; the product's id in the firmware repository. */
  readonly productId: string;
  /** Product name for people, 1-29 bytes of UTF-8. The access point is `<product title> AP`. */
  readonly productTitle: string;
  /** Version of the firmware, a whole number. Published as `$fw/version`. */
  readonly firmwareVersion: number;
  /** Name of the station in the advertisement and in telemetry; default: the product title. */
  readonly name?: string;
  /** Cipher of the platform's responses. */
  readonly cipher: Cipher;
  /** Highest current of the board or the installation, 6-32 A. Fractions are rounded down. */
  readonly currentLimitA: number;
  /** Bluetooth SIG company identifier. */
  readonly companyId: number;
  /** Built-in parameters of pairing, as the fields of `/pair`. Pairing requires the missing ones. */
  readonly preset?: Readonly<Record<string, string>>;
  /** Limits of refused tags. Further attempts get 429. */
  readonly refusedTags: RefusedTags;
  /** Meter constant, imp/kWh, as printed on the meter. */
  readonly meterPulsesPerKWh: number;
  /** A meter on the Modbus line of the wiring; default: the meter, if any, has an S0 output. */
  readonly modbusMeter?: ModbusMeterConfig;
  /** URL of the firmware repository: scheme, host and port, without a path; default: the platform's host over TLS. */
  readonly updateServer?: string;
  /**
   * Public key of the vendor: Ed25519, 64 hex digits (`npm run sign -- key`). Updates must be signed with its private
   * key. Without a key the station installs no update: neither by itself, nor by command, nor by upload.
   */
  readonly updateKey?: string;
  /** Kind of the card reader that may be connected. */
  readonly cardReader: ReaderKind;
}

export const defaultConfig: Config = {
  productId: "plugpass",
  productTitle: DEFAULT_TITLE,
  firmwareVersion: 1,
  cipher: "aes-256-gcm",
  currentLimitA: 16,
  companyId: 0xffff,
  // Enough for mistyped tags, too few to guess one.
  refusedTags: { perMinute: 6, ofPhones: 30 },
  meterPulsesPerKWh: 1000,
  cardReader: "em4100",
};

/** Returns a configuration in which the properties of the wiring take precedence. */
export function withWiring(config: Config, wiring: Wiring): Config {
  return {
    ...config,
    currentLimitA: wiring.currentLimitA ?? config.currentLimitA,
    meterPulsesPerKWh: wiring.meterPulsesPerKWh ?? config.meterPulsesPerKWh,
    cardReader: wiring.cardReaderKind ?? config.cardReader,
    modbusMeter: wiring.modbusMeter ?? config.modbusMeter,
  };
}

/** Returns a configuration whose current limit is at most `limitA`, the provisioned one of the installation. */
export function withInstallationLimit(config: Config, limitA = config.currentLimitA): Config {
  const currentLimitA = Math.floor(Math.min(config.currentLimitA, limitA));
  return currentLimitA === config.currentLimitA ? config : { ...config, currentLimitA };
}

/** Validates a configuration. Returns one sentence for each invalid field; an empty array if all are valid. */
export function configErrors(config: Config): string[] {
  const errors: string[] = [];
  const wrong = (field: keyof Config, rule: string) => {
    errors.push(`config.${field} is ${formatJSON(config[field])}; it must be ${rule}`);
  };
  const titleBytes = encodeUTF8(config.productTitle).length;
  if (!isTopicId(config.productId)) wrong("productId", "1-64 letters, digits, - and _");
  if (titleBytes < 1 || titleBytes > MAX_TITLE_BYTES) {
    wrong("productTitle", `1-${MAX_TITLE_BYTES} bytes of UTF-8`);
  }
  if (!Number.isSafeInteger(config.firmwareVersion) || config.firmwareVersion < 0) {
    wrong("firmwareVersion", "a whole number from 0");
  }
  if (!(config.currentLimitA >= MIN_CURRENT_A && config.currentLimitA <= MAX_CURRENT_A)) {
    wrong("currentLimitA", `${MIN_CURRENT_A}-${MAX_CURRENT_A} A`);
  }
  if (!Number.isInteger(config.companyId) || config.companyId < 0 || config.companyId > 0xffff) {
    wrong("companyId", "a 16-bit company identifier");
  }
  const presetProblem = problemOfPart(new Map(Object.entries(config.preset ?? {})));
  // The message contains no value: it may be a secret.
  if (presetProblem !== undefined) errors.push(`config.preset: ${presetProblem}`);
  for (const limit of Object.values(config.refusedTags)) {
    if (!Number.isInteger(limit) || limit < 1) wrong("refusedTags", "whole numbers from 1");
  }
  if (!Number.isInteger(config.meterPulsesPerKWh) || config.meterPulsesPerKWh < 1) {
    wrong("meterPulsesPerKWh", "a whole number from 1");
  }
  for (const [field, rule] of updateConfigErrors(config)) wrong(field, rule);
  if (!READER_KINDS.includes(config.cardReader)) wrong("cardReader", READER_KINDS.join(" or "));
  return errors;
}

/** Validates the fields that concern updates. Returns pairs of invalid field and its rule. */
export function updateConfigErrors({ updateServer, updateKey }: Config): [keyof Config, string][] {
  const errors: [keyof Config, string][] = [];
  if (updateServer !== undefined && !(parseURL(updateServer) && /^\w+:\/\/[^/]+$/.test(updateServer))) {
    errors.push([
      "updateServer",
      "a URL with http:// or https://, a host and optionally a port, without a path",
    ]);
  }
  if (updateKey !== undefined && decodeHex(updateKey)?.length !== PUBLIC_KEY_BYTES) {
    errors.push(["updateKey", `${2 * PUBLIC_KEY_BYTES} hex digits`]);
  }
  return errors;
}
