import { encodeUTF8 } from "../bytes/index.js";
import { formatJSON, isJSONObject, type JSONObject, numberField, textField } from "../json/index.js";
import type { Credentials } from "../network/index.js";
import type { RecordFormat } from "../settings/index.js";
import { type PairingFailure, parseFailure } from "./failure.js";

/** Parameters of the connection: network, owner and broker. */
export interface PairingParameters {
  /** `undefined` on Ethernet. */
  readonly wifi?: Credentials;
  /** E-mail address of the owner. */
  readonly email: string;
  /** MQTT password; a secret. */
  readonly token: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** First topic level; default: the hash of the e-mail address. */
  readonly rootTopic?: string;
}

/** Result of `parseParameters`. */
export type Parsed =
  | { readonly ok: true; readonly parameters: PairingParameters }
  /** The error names the field, but never contains its value. */
  | { readonly ok: false; readonly message: string };

const MAX_TEXT_BYTES = 128;
const MAX_ROOT_TOPIC_BYTES = 64;
const MAX_SSID_BYTES = 32;
const MIN_PASSWORD_BYTES = 8;
const MAX_PASSWORD_BYTES = 63;
const MAX_PORT = 65_535;

/** Fields of `/pair` by name. */
export type Fields = ReadonlyMap<string, string>;

/** Valid values of the required fields. They complete a subset of fields for its validation. */
const PLACEHOLDERS = { ssid: "x", psk: "", wsp: "a@b", token: "x", host: "x", brport: "1" } as const;
const FIELD_NAMES = [...Object.keys(PLACEHOLDERS), "mqtts_port", "rootTopic", "security"];

/** Returns the names of the missing required fields. */
export function missingFields(fields: Fields, { wifi }: { wifi: boolean }): string[] {
  const isPlainAllowed = fields.get("security") !== "tls";
  return Object.keys(PLACEHOLDERS).flatMap((name) => {
    const isPort = name === "brport";
    if (isPort ? fields.has("mqtts_port") || (isPlainAllowed && fields.has(name)) : fields.has(name))
      return [];
    if (!wifi && (name === "ssid" || name === "psk")) return [];
    return isPort && !isPlainAllowed ? ["mqtts_port"] : [name];
  });
}

/** Returns the known fields of `/pair`. */
export function pairingFields(fields: Fields): Fields {
  return new Map([...fields].filter(([name]) => FIELD_NAMES.includes(name)));
}

/** Validates a subset of the fields. Returns the error, if any. */
export function problemOfPart(fields: Fields): string | undefined {
  const securePort = fields.has("security") ? [["mqtts_port", PLACEHOLDERS.brport] as const] : [];
  const all = new Map([...Object.entries(PLACEHOLDERS), ...securePort, ...fields]);
  const parsed = parseParameters(all, { wifi: true });
  return parsed.ok ? undefined : parsed.message;
}

/** Converts parameters to fields of `/pair`. */
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

/** Whether fields are the same as parameters. */
export function isSame(
  fields: Fields,
  parameters: PairingParameters | undefined,
  options: { wifi: boolean },
): boolean {
  const parsed = parseParameters(fields, options);
  return formatJSON(parameters) === (parsed.ok ? formatJSON(parsed.parameters) : "");
}

/** Parses the fields of `/pair` (protocol, section 2). Unknown fields are ignored. */
export function parseParameters(fields: Fields, options: { wifi: boolean }): Parsed {
  const missing = missingFields(fields, options);
  if (missing.length > 0) return wrong(`missing: ${missing.join(", ")}`);
  const text = (name: string) => fields.get(name) ?? "";
  if ((fields.get("security") ?? "tls") !== "tls") return wrong("security must be tls");
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

/** The record of the parameters with which the broker was reached. */
export const pairingFormat: RecordFormat<PairingParameters> = {
  key: "pairing",
  version: 1,
  parse: parseRecord,
  format: ({ wifi, ...rest }) => ({ ...rest, ssid: wifi?.ssid, psk: wifi?.password }),
};

/** Given parameters that are not verified yet. */
export interface CandidateRecord {
  readonly fields: Fields;
  /** Whether the fields are complete and being tried. */
  readonly isTried: boolean;
  /** Failure of the latest attempt. */
  readonly failure?: PairingFailure;
}

/** The record of given, unverified parameters. */
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

/** Validates parameters. Returns an error with the field names of `/pair`, if any. */
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

/** Whether a text is a host name (RFC 1123 2.1) or an IPv4 address. */
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

/** Whether a text contains U+0000-001F or U+007F-009F. XS has no `\p{Cc}`. */
function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return true;
  }
  return false;
}
