/** Fields of requests and how they combine with the built-in, provisioned and stored ones. */

import { type Reply, text } from "../web/index.js";
import { type Fields, fieldsOf, isSame, type PairingParameters, problemOfPart } from "./parameters.js";

/** A subset of the fields of `/pair`. The station keeps its values of the others. */
export interface Offer {
  readonly given: Fields;
  /** Names of the fields that must be given, unless they are preset. */
  readonly required: readonly string[];
  /** Names of the fields that are removed, unless they are given or preset. */
  readonly dropped?: readonly string[];
}

/** Fields that are one parameter: the port, with or without TLS. */
const PORT_FIELDS = ["brport", "mqtts_port"];
/** Fields that name the broker and how it is reached. */
const BROKER_FIELDS = ["host", "security", ...PORT_FIELDS];

/**
 * Returns the name of the first given field that would replace a preset one. The same value replaces nothing. A port for
 * plain MQTT beside a preset `mqtts_port` is ignored, as apps always send one.
 */
function overriddenField(given: Fields, preset: Fields): string | undefined {
  const isPortPreset = preset.has("brport") && !preset.has("mqtts_port");
  return [...given.keys()].find((name) => {
    if (name === "mqtts_port" && isPortPreset) return true;
    const value = preset.get(name);
    return value !== undefined && value.trim() !== given.get(name)?.trim();
  });
}

/** Returns fields in which the preset ones take precedence. */
export function withPreset(fields: Fields, preset: Fields): Fields {
  const isPortPreset = PORT_FIELDS.some((name) => preset.has(name));
  const others = [...fields].filter(([name]) => !(isPortPreset && PORT_FIELDS.includes(name)));
  return new Map([...others, ...preset]);
}

/** Whether parameters have the preset host, port and security, as far as these are preset. */
export function usesPresetBroker(parameters: PairingParameters, preset: Fields): boolean {
  const broker = new Map([...preset].filter(([name]) => BROKER_FIELDS.includes(name)));
  const fields = withPreset(fieldsOf(parameters), broker);
  return isSame(fields, parameters, { wifi: parameters.wifi !== undefined });
}

/** Refuses fields that would replace preset ones. */
export function refusePreset(given: Fields, preset: Fields): Reply | undefined {
  const field = overriddenField(given, preset);
  return field === undefined
    ? undefined
    : text(409, `${field} is built in or provisioned; leave it out, or give the same value`);
}

/** Combines an offer with the present fields, or returns why it is refused. */
export function combine(
  { given, required, dropped = [] }: Offer,
  { preset, present }: { readonly preset: Fields; readonly present: Fields },
): Fields | Reply {
  const missing = required.filter((name) => !given.has(name) && !preset.has(name));
  const problem = missing.length > 0 ? `missing: ${missing.join(", ")}` : problemOfPart(given);
  if (problem !== undefined) return text(400, problem);
  const kept = [...present].filter(([name]) => !dropped.includes(name));
  return refusePreset(given, preset) ?? withPreset(new Map([...kept, ...given]), preset);
}
