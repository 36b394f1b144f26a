/**
 * Radio protocol over a local socket: JSON lines between a process with stations and a process with a phone.
 * The central's commands are parsed without a library, so that the Moddable simulator can parse them too.
 */

import { decodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import {
  isJSONObject,
  type JSONObject,
  numberField,
  parseJSONObject,
  textField,
} from "../../../modules/json/index.js";

export type RadioCommand =
  | { readonly op: "scan" }
  | {
      readonly op: "connect";
      readonly link: number;
      readonly address: string;
      readonly mtu: number | undefined;
    }
  | ({ readonly op: "read"; readonly uuid: string } & Asked)
  | ({ readonly op: "read-descriptor"; readonly uuid: string; readonly descriptor: string } & Asked)
  | ({ readonly op: "write"; readonly uuid: string; readonly value: string } & Asked)
  | ({ readonly op: "subscribe"; readonly uuid: string } & Asked)
  | ({ readonly op: "unsubscribe"; readonly uuid: string } & Asked)
  | { readonly op: "disconnect"; readonly link: number }
  | { readonly op: "lose"; readonly link: number };

interface Asked {
  readonly link: number;
  /** Id that the answer repeats. */
  readonly id: number;
}

const MAX_UUID_CHARS = 36;
const MAX_ADDRESS_CHARS = 64;
/** Maximum length of a value in hex digits: 512 bytes (Core 5.4 Vol 3 Part F 3.2.9). */
const MAX_VALUE_CHARS = 1024;
const ANY_NUMBER = { min: 0, max: Number.MAX_SAFE_INTEGER };

/** Parses a line as a command; `undefined` if it is not a command. */
export function parseCommand(line: string): RadioCommand | undefined {
  const fields = parseJSONObject(encodeUTF8(line));
  if (!isJSONObject(fields)) return undefined;
  const { op } = fields;
  if (op === "scan") return { op };
  const link = numberField(fields, "link", ANY_NUMBER);
  if (link === undefined) return undefined;
  if (op === "disconnect" || op === "lose") return { op, link };
  if (op === "connect") {
    const address = textField(fields, "address", MAX_ADDRESS_CHARS);
    return address === undefined
      ? undefined
      : { op, link, address, mtu: numberField(fields, "mtu", ANY_NUMBER) };
  }
  return parseRequest(fields, link);
}

/** Parses a command that gets an answer. */
function parseRequest(fields: JSONObject, link: number): RadioCommand | undefined {
  const { op } = fields;
  const id = numberField(fields, "id", ANY_NUMBER);
  const uuid = textField(fields, "uuid", MAX_UUID_CHARS);
  if (id === undefined || uuid === undefined) return undefined;
  switch (op) {
    case "read":
    case "subscribe":
    case "unsubscribe":
      return { op, link, id, uuid };
    case "read-descriptor": {
      const descriptor = textField(fields, "descriptor", MAX_UUID_CHARS);
      return descriptor === undefined ? undefined : { op, link, id, uuid, descriptor };
    }
    case "write": {
      const { value } = fields;
      const isValue = typeof value === "string" && value.length <= MAX_VALUE_CHARS && decodeHex(value);
      return isValue ? { op, link, id, uuid, value } : undefined;
    }
    default:
      return undefined;
  }
}
