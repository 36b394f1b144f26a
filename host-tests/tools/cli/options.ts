/**
 * Parsers of command-line options. They reject invalid values, which a station would replace by defaults with
 * only a log line.
 */

import { InvalidArgumentError } from "commander";
import { defaultConfig, updateConfigErrors } from "../../../firmware/config.js";
import { isTopicId } from "../../../modules/settings/index.js";
import { MODBUS_METER_TYPES, type ModbusMeterType } from "../../virtual/world/modbus-meter.js";

export function placeOption(text: string): { host: string; port: number } {
  const [, host, port] = /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError("give host:port");
  return { host, port: Number(port) };
}

export function deviceIdOption(text: string): string {
  if (!isTopicId(text)) throw new InvalidArgumentError("give 1-64 letters, digits, - or _");
  return text;
}

export function ssidOption(text: string): string {
  const byteLength = Buffer.byteLength(text);
  if (byteLength < 1 || byteLength > 32) throw new InvalidArgumentError("give 1-32 bytes");
  return text;
}

export function pskOption(text: string): string {
  const byteLength = Buffer.byteLength(text);
  if (byteLength > 0 && (byteLength < 8 || byteLength > 63))
    throw new InvalidArgumentError("give 8-63 bytes, or nothing for an open network");
  return text;
}

export function modbusMeterOption(text: string): ModbusMeterType {
  const type = MODBUS_METER_TYPES.find((one) => one === text);
  if (!type) throw new InvalidArgumentError(`give ${MODBUS_METER_TYPES.join(", ")}`);
  return type;
}

export function updateKeyOption(text: string): string {
  if (updateConfigErrors({ ...defaultConfig, updateKey: text }).length > 0)
    throw new InvalidArgumentError("give 64 hex digits");
  return text;
}
