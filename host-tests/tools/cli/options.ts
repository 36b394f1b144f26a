/** What the flags may say. A station that is told nonsense would run on its defaults, and say so only in its log. */

import { InvalidArgumentError } from "commander";
import { defaultConfig, updateConfigErrors } from "../../../firmware/config.js";
import { isTopicId } from "../../../modules/settings/index.js";

export function portOption(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("a port is 0-65535");
  return port;
}

export function placeOption(text: string): { host: string; port: number } {
  const [, host, port] = /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError("it is host:port");
  return { host, port: Number(port) };
}

export function deviceIdOption(text: string): string {
  if (!isTopicId(text)) throw new InvalidArgumentError("it is 1-64 letters, digits, - and _");
  return text;
}

export function ssidOption(text: string): string {
  const byteLength = Buffer.byteLength(text);
  if (byteLength < 1 || byteLength > 32) throw new InvalidArgumentError("it is 1-32 bytes");
  return text;
}

export function pskOption(text: string): string {
  const byteLength = Buffer.byteLength(text);
  if (byteLength > 0 && (byteLength < 8 || byteLength > 63))
    throw new InvalidArgumentError("it is empty or 8-63 bytes");
  return text;
}

export function updateKeyOption(text: string): string {
  if (updateConfigErrors({ ...defaultConfig, updateKey: text }).length > 0)
    throw new InvalidArgumentError("it is 64 hex digits");
  return text;
}
