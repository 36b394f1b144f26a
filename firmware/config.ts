/** What is built into a firmware. Provisioning (the record `device`) comes before it, where both say something. */

import { decodeHex, encodeUTF8 } from "../modules/bytes/index.js";
import { MAX_CURRENT_A, MIN_CURRENT_A } from "../modules/charging/index.js";
import { DEFAULT_TITLE, MAX_TITLE_BYTES, problemOfPart } from "../modules/pairing/index.js";
import { READER_KINDS, type ReaderKind } from "../modules/rfid/index.js";
import { type Cipher, isTopicId } from "../modules/settings/index.js";
import { PUBLIC_KEY_BYTES, parseURL } from "../modules/updates/index.js";

export interface Config {
  /** Published as `$fw/name`; the id under which the platform keeps firmware. */
  readonly productId: string;
  /** For people: the access point is `<product title> AP`. 1-29 bytes of UTF-8. */
  readonly productTitle: string;
  /** Published as `$fw/version`. */
  readonly firmwareVersion: number;
  /** The station's name in the air and in telemetry; the product title unless given. */
  readonly name?: string;
  /** The cipher of the platform's answers. */
  readonly cipher: Cipher;
  /** The most current that the installation allows, 6-32 A. */
  readonly currentLimitA: number;
  /** Bluetooth SIG company identifier. */
  readonly companyId: number;
  /** Parameters of pairing that are built in, as the fields of `/pair`; what is missing is asked for. */
  readonly preset?: Readonly<Record<string, string>>;
  /** Tags that may be presented in a minute: by one phone's connection, and at the station altogether. */
  readonly attemptsPerMinute: { readonly connection: number; readonly station: number };
  /** The meter's constant, as printed on it (imp/kWh). */
  readonly meterPulsesPerKWh: number;
  /** `http://` or `https://`, host and port, of where the firmware is kept; the platform's host over TLS unless given. */
  readonly updateServer?: string;
  /**
   * Ed25519, 64 hex digits (`npm run sign -- key`). Updates have to be signed by this key. Without it the station
   * installs no update: not by itself, not for its owner, not by upload.
   */
  readonly updateKey?: string;
  /** What hangs on the card reader's line, if anything does. */
  readonly cardReader: ReaderKind;
}

export const defaultConfig: Config = {
  productId: "plugpass",
  productTitle: DEFAULT_TITLE,
  firmwareVersion: 1,
  cipher: "aes-256-gcm",
  currentLimitA: 16,
  companyId: 0xffff,
  // Enough for a mistyped tag, too few to try tags out.
  attemptsPerMinute: { connection: 6, station: 30 },
  meterPulsesPerKWh: 1000,
  cardReader: "em4100",
};

/** What is wrong with a configuration: one sentence for each field, none when it is right. */
export function configErrors(config: Config): string[] {
  const errors: string[] = [];
  const wrong = (field: keyof Config, rule: string) => {
    errors.push(`config.${field} is ${JSON.stringify(config[field])}; it must be ${rule}`);
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
    wrong("companyId", "a company identifier of 16 bits");
  }
  const presetProblem = problemOfPart(new Map(Object.entries(config.preset ?? {})));
  // Without its value: there may be a secret among them.
  if (presetProblem !== undefined) errors.push(`config.preset: ${presetProblem}`);
  for (const limit of Object.values(config.attemptsPerMinute)) {
    if (!Number.isInteger(limit) || limit < 1) wrong("attemptsPerMinute", "whole numbers from 1");
  }
  if (!Number.isInteger(config.meterPulsesPerKWh) || config.meterPulsesPerKWh < 1) {
    wrong("meterPulsesPerKWh", "a whole number from 1");
  }
  for (const [field, rule] of updateConfigErrors(config)) wrong(field, rule);
  if (!READER_KINDS.includes(config.cardReader)) wrong("cardReader", READER_KINDS.join(" or "));
  return errors;
}

/** Errors in the fields that concern updates: field, rule. */
export function updateConfigErrors({ updateServer, updateKey }: Config): [keyof Config, string][] {
  const errors: [keyof Config, string][] = [];
  if (updateServer !== undefined && !(parseURL(updateServer) && /^\w+:\/\/[^/]+$/.test(updateServer))) {
    errors.push([
      "updateServer",
      "http:// or https://, a host, and a port where it is another, without a path",
    ]);
  }
  if (updateKey !== undefined && decodeHex(updateKey)?.length !== PUBLIC_KEY_BYTES) {
    errors.push(["updateKey", `${2 * PUBLIC_KEY_BYTES} hex digits`]);
  }
  return errors;
}
