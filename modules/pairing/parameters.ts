import { encodeUTF8 } from "../bytes/index.js";
import { isJSONObject, type JSONObject, numberField, textField } from "../json/index.js";
import type { Credentials } from "../network/index.js";
import type { RecordFormat } from "../settings/index.js";
import { type PairingFailure, parseFailure } from "./failure.js";

/** What a station needs to know to go online: the network, the owner, the broker. */
export interface PairingParameters {
  /** None: a station on Ethernet. */
  readonly wifi?: Credentials;
  readonly email: string;
  /** The MQTT password. A secret, as the Wi-Fi password is. */
  readonly token: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** The first topic level, where it is not the hash of the e-mail. */
  readonly rootTopic?: string;
}

export type Parsed =
  | { readonly ok: true; readonly parameters: PairingParameters }
  /** What is wrong, by the name of the field and never with its value. */
  | { readonly ok: false; readonly message: string };

const MAX_TEXT_BYTES = 128;
const MAX_ROOT_TOPIC_BYTES = 64;
const MAX_SSID_BYTES = 32;
const MIN_PASSWORD_BYTES = 8;
const MAX_PASSWORD_BYTES = 63;
const MAX_PORT = 65_535;

/** What `/pair` takes, by its names there. */
export type Fields = ReadonlyMap<string, string>;

/** Each makes the others of a part whole, so that a part can be checked by itself. */
const PLACEHOLDERS = { ssid: "x", psk: "", wsp: "a@b", token: "x", host: "x", brport: "1" } as const;
const FIELD_NAMES = [...Object.keys(PLACEHOLDERS), "mqtts_port", "rootTopic"];

/** The names of the fields that there have to be and are not. */
export function missingFields(fields: Fields, { wifi }: { wifi: boolean }): string[] {
  return Object.keys(PLACEHOLDERS).filter((name) => {
    if (fields.has(name) || (name === "brport" && fields.has("mqtts_port"))) return false;
    return wifi || (name !== "ssid" && name !== "psk");
  });
}

/** Those of the fields that parameters are made of. */
export function pairingFields(fields: Fields): Fields {
  return new Map([...fields].filter(([name]) => FIELD_NAMES.includes(name)));
}

/** What is wrong with fields of which some may be missing. */
export function problemOfPart(fields: Fields): string | undefined {
  const parsed = parseParameters(new Map([...Object.entries(PLACEHOLDERS), ...fields]), { wifi: true });
  return parsed.ok ? undefined : parsed.message;
}

/** The fields that would be given for parameters. */
export function fieldsOf(parameters: PairingParameters): Fields {
  const { wifi, email, token, host, port, tls, rootTopic } = parameters;
  return new Map([
    ...(wifi ? [["ssid", wifi.ssid] as const, ["psk", wifi.password] as const] : []),
    ["wsp", email],
    ["token", token],
    ["host", host],
    [tls ? "mqtts_port" : "brport", String(port)],
    ...(rootTopic === undefined ? [] : [["rootTopic", rootTopic] as const]),
  ]);
}

/** Checks the fields of `/pair` (protocol, section 2). Fields that it does not know are ignored. */
export function parseParameters(fields: Fields, options: { wifi: boolean }): Parsed {
  const missing = missingFields(fields, options);
  if (missing.length > 0) return wrong(`missing: ${missing.join(", ")}`);
  const text = (name: string) => fields.get(name) ?? "";
  const securePort = fields.get("mqtts_port");
  const portField = securePort === undefined ? "brport" : "mqtts_port";
  const port = parsePort(text(portField));
  if (port === undefined) return wrong(`${portField} must be a port, 1-${MAX_PORT}`);
  const rootTopic = text("rootTopic") === "" ? undefined : text("rootTopic");
  const wifi = options.wifi ? { ssid: text("ssid"), password: text("psk") } : undefined;
  const parameters: PairingParameters = {
    wifi,
    email: text("wsp").trim(),
    token: text("token"),
    host: text("host"),
    port,
    tls: securePort !== undefined,
    rootTopic,
  };
  const problem = problemOf(parameters);
  return problem === undefined ? { ok: true, parameters } : wrong(problem);
}

/** The record of what has been proven. */
export const pairingFormat: RecordFormat<PairingParameters> = {
  key: "pairing",
  version: 1,
  parse: parseRecord,
  format: ({ wifi, ...rest }) => ({ ...rest, ssid: wifi?.ssid, psk: wifi?.password }),
};

/** What was given and is not proven. */
export interface CandidateRecord {
  readonly fields: Fields;
  /** It was whole, and being tried. */
  readonly isTried: boolean;
  /** It was tried, and failed. */
  readonly failure?: PairingFailure;
}

export const candidateFormat: RecordFormat<CandidateRecord> = {
  key: "candidate",
  version: 1,
  parse({ fields, isTried, failure }) {
    if (!isJSONObject(fields)) return undefined;
    const texts = Object.entries(fields).filter((field): field is [string, string] => {
      return typeof field[1] === "string";
    });
    return {
      fields: pairingFields(new Map(texts)),
      isTried: isTried === true,
      failure: parseFailure(failure),
    };
  },
  format: ({ fields, isTried, failure }) => ({
    fields: Object.fromEntries(fields),
    isTried,
    failure: failure && { ...failure },
  }),
};

function parseRecord(fields: JSONObject): PairingParameters | undefined {
  const ssid = textField(fields, "ssid", MAX_SSID_BYTES);
  const parameters: PairingParameters = {
    wifi:
      ssid === undefined ? undefined : { ssid, password: textField(fields, "psk", MAX_PASSWORD_BYTES) ?? "" },
    email: textField(fields, "email", MAX_TEXT_BYTES) ?? "",
    token: textField(fields, "token", MAX_TEXT_BYTES) ?? "",
    host: textField(fields, "host", MAX_TEXT_BYTES) ?? "",
    port: numberField(fields, "port", { min: 1, max: MAX_PORT }) ?? 0,
    tls: fields.tls === true,
    rootTopic: textField(fields, "rootTopic", MAX_ROOT_TOPIC_BYTES),
  };
  return problemOf(parameters) === undefined ? parameters : undefined;
}

function wrong(message: string): Parsed {
  return { ok: false, message };
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}

/** What no station could use, in the words of the fields of `/pair`. */
function problemOf({ wifi, email, token, host, port, rootTopic }: PairingParameters): string | undefined {
  if (wifi) {
    const passwordBytes = byteLength(wifi.password);
    if (!isWithin(byteLength(wifi.ssid), 1, MAX_SSID_BYTES)) return `ssid must be 1-${MAX_SSID_BYTES} bytes`;
    if (passwordBytes > 0 && !isWithin(passwordBytes, MIN_PASSWORD_BYTES, MAX_PASSWORD_BYTES)) {
      return `psk must be empty or ${MIN_PASSWORD_BYTES}-${MAX_PASSWORD_BYTES} bytes`;
    }
  }
  if (!isEmail(email)) return `wsp must be an e-mail address of up to ${MAX_TEXT_BYTES} bytes`;
  if (!isWithin(byteLength(token), 1, MAX_TEXT_BYTES)) return `token must be 1-${MAX_TEXT_BYTES} bytes`;
  if (!isHost(host)) return `host must be a name or an IPv4 address of up to ${MAX_TEXT_BYTES} bytes`;
  if (!Number.isInteger(port) || !isWithin(port, 1, MAX_PORT)) return `the port must be 1-${MAX_PORT}`;
  if (rootTopic !== undefined && !isRootTopic(rootTopic)) {
    return `rootTopic must be up to ${MAX_ROOT_TOPIC_BYTES} bytes, without + # and empty levels`;
  }
  return undefined;
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

function byteLength(text: string): number {
  return encodeUTF8(text).length;
}

function isEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(text) && byteLength(text) <= MAX_TEXT_BYTES;
}

/** RFC 1123 2.1. */
function isHost(text: string): boolean {
  const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
  return (
    text.length <= MAX_TEXT_BYTES && text.split(".").every((part) => part.length <= 63 && label.test(part))
  );
}

function isRootTopic(text: string): boolean {
  return (
    byteLength(text) <= MAX_ROOT_TOPIC_BYTES &&
    !text.startsWith("$") &&
    text.split("/").every((level) => level !== "" && !level.includes("+") && !level.includes("#")) &&
    !hasControlCharacter(text)
  );
}

/** U+0000-001F and U+007F-009F. The chip's engine has no `\p{Cc}`. */
function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return true;
  }
  return false;
}
