/** Wiring files of makers (docs/flashing.md): JSON with the fields of `Wiring`, the chip, and remarks for people. */

import { readFileSync } from "node:fs";
import { isJSONObject, type JSONObject } from "../../modules/json/index.js";
import {
  ADC_MAX_MV,
  ADC_MIN_MV,
  ADC1,
  CHIPS,
  type Chip,
  type ChipName,
  checkWiring,
  chipOf,
  type FieldRule,
  type GroupRule,
  isListRule,
  OUTPUT,
  PILOT_SPAN_MV,
  pinProperties,
  UNSTEADY,
  WIRING_RULES,
  type Wiring,
  type WiringMistake,
} from "../../modules/wiring/index.js";

/** A wiring as it is stored in the record `device`. */
export type StoredWiring = Wiring & { readonly chip: ChipName };

export interface BoardFile {
  readonly wiring: StoredWiring;
  /** Sentences about what works only under conditions that the file does not show. */
  readonly warnings: readonly string[];
}

/** Fields for people. They are not stored in the station. */
const REMARKS = ["$schema", "name", "notes", "source"];

const CHIP_NAMES: Readonly<Record<ChipName, string>> = {
  esp32: "ESP32",
  esp32c3: "ESP32-C3",
  esp32s3: "ESP32-S3",
};

interface PinGroup {
  readonly first: number;
  readonly last: number;
  readonly is: string;
}

/** Pins that a chip has, but not for the firmware. */
const RESERVED: Readonly<Record<ChipName, readonly PinGroup[]>> = {
  esp32: [
    { first: 1, last: 1, is: "is UART0, which has the log" },
    { first: 3, last: 3, is: "is UART0, which has the log" },
    { first: 6, last: 11, is: "is connected to the flash" },
  ],
  esp32c3: [
    { first: 11, last: 17, is: "is connected to the flash" },
    { first: 20, last: 21, is: "is UART0, which has the log" },
  ],
  esp32s3: [
    { first: 26, last: 37, is: "is connected to the flash or PSRAM" },
    { first: 43, last: 44, is: "is UART0, which has the log" },
  ],
};

/** Use of a pin that pulls it up at the start. */
const USB = "is the chip's USB";

/** Pins that have another use on some boards. */
const SHARED: Readonly<Record<ChipName, readonly PinGroup[]>> = {
  esp32: [
    { first: 12, last: 12, is: "must be low at the start; otherwise the chip does not start" },
    { first: 16, last: 17, is: "is not available on modules with PSRAM (WROVER)" },
  ],
  esp32c3: [{ first: 18, last: 19, is: USB }],
  esp32s3: [{ first: 19, last: 20, is: USB }],
};

/** Reads a wiring file. Throws an error with a line for each mistake. */
export function readBoardFile(file: string): BoardFile {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new Error(`the wiring file ${file} does not exist`);
    throw new Error(
      code === undefined ? `${file} is not JSON: ${message}` : `cannot read the wiring file ${file}: ${code}`,
    );
  }
  const { wiring, mistakes, warnings } = parseBoard(value);
  if (!wiring) throw new Error([`${file} is not a valid wiring:`, ...mistakes].join("\n  "));
  return { wiring, warnings };
}

/** Checks the content of a wiring file. `wiring` is `undefined` if there are `mistakes`, one sentence for each. */
export function parseBoard(value: unknown): {
  readonly wiring: StoredWiring | undefined;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
} {
  if (!isJSONObject(value)) return { wiring: undefined, mistakes: ["it is not a JSON object"], warnings: [] };
  const wiring = withoutRemarks(value);
  const mistakes: string[] = [];
  checkWiring(wiring, (field, mistake) => mistakes.push(sentenceOf(wiring, field, mistake)));
  if (mistakes.length > 0) return { wiring: undefined, mistakes, warnings: [] };
  const valid = wiring as unknown as StoredWiring;
  return { wiring: valid, mistakes, warnings: warningsOf(valid) };
}

/** Returns the fields that are stored: without remarks, and without `null`, which means that the board has no such part. */
function withoutRemarks(board: JSONObject): JSONObject {
  const fields = Object.entries(board).filter(([name, value]) => !REMARKS.includes(name) && value !== null);
  return Object.fromEntries(fields);
}

interface PinUse {
  readonly field: string;
  readonly pin: number;
}

/** Returns the pins of a wiring, in the order of the rules. */
function pinsIn(wiring: JSONObject, rules: GroupRule = WIRING_RULES, prefix = ""): PinUse[] {
  return Object.entries(rules).flatMap(([name, rule]): PinUse[] => {
    const value = wiring[name];
    const field = prefix + name;
    if (typeof rule === "number") return typeof value === "number" ? [{ field, pin: value }] : [];
    return isGroup(rule) && isJSONObject(value) ? pinsIn(value, rule, `${field}.`) : [];
  });
}

function isGroup(rule: FieldRule): rule is GroupRule {
  return isJSONObject(rule);
}

function sentenceOf(wiring: JSONObject, field: string, mistake: WiringMistake): string {
  const value = valueAt(wiring, field);
  switch (mistake) {
    case "unknown field":
      return `${field} is unknown; the fields are ${Object.keys(rulesAround(field)).join(", ")}`;
    case "missing":
      return `${field} is missing`;
    case "invalid value":
      return `${field} is ${JSON.stringify(value)}; it must be ${requirementOf(field)}`;
    case "pilot beyond the ADC":
      return `controlPilot: the pilot from -10.5 V to +10.5 V must be ${ADC_MIN_MV}-${ADC_MAX_MV} mV at the pin; it is ${spanOf(wiring)} mV`;
    case "needs registers":
      return "modbusMeter.registers: the type registers needs a list with energy and power; other types have none";
    case "value used twice":
      return "modbusMeter.registers: a value has more than one register";
    case "second meter":
      return "modbusMeter: a station has one meter; meterPin is another one";
    case "second UART":
      return "modbusMeter: the chip has one UART besides that of the log, and cardReaderPin uses it";
    case "needs RMII":
      return `lan8720: an ${CHIP_NAMES[wiring.chip as ChipName]} has no RMII; use a W5500`;
    case "needs contactor feedback":
      return `${field}: the phases change only behind a contactor that is open; add contactorFeedbackPin`;
    case "pin used twice": {
      const first = pinsIn(wiring).find(({ pin }) => pin === value);
      return `${field}: GPIO ${value} is used by ${first?.field === field ? "the RMII of lan8720" : first?.field}, too`;
    }
    case "unsuitable pin":
      return `${field}: GPIO ${value} ${unsuitableBecause(wiring, field, Number(value))}`;
  }
}

function valueAt(wiring: unknown, field: string): unknown {
  return field.split(".").reduce((value, name) => (isIndexed(value) ? value[name] : undefined), wiring);
}

function isIndexed(value: unknown): value is JSONObject {
  return typeof value === "object" && value !== null;
}

/** Returns the rule of a field that is not unknown. The rules of a list are those of each item. */
function ruleAt(field: string): FieldRule {
  return field.split(".").reduce<FieldRule>((rule, name) => {
    if (isListRule(rule)) return rule[0].items;
    return valueAt(rule, name) as FieldRule;
  }, WIRING_RULES);
}

/** Returns the rules of the object that has a field. */
function rulesAround(field: string): FieldRule {
  const dot = field.lastIndexOf(".");
  return dot < 0 ? WIRING_RULES : ruleAt(field.slice(0, dot));
}

function requirementOf(field: string): string {
  const rule = ruleAt(field);
  if (isListRule(rule)) return `a list of at most ${rule[0].maxCount} registers`;
  if (typeof rule === "number") return "the number of a GPIO";
  if (isGroup(rule)) return `an object with ${Object.keys(rule).join(", ")}`;
  const [min, max, step] = rule;
  if (typeof min !== "number") return rule.join(", ").replace(/, ([^,]+)$/, " or $1");
  return `${step ? "a whole number" : "a number"} from ${min} to ${max}`;
}

function spanOf(wiring: JSONObject): string {
  const { zeroMv, divider } = wiring.controlPilot as { zeroMv: number; divider: number };
  return [-1, 1].map((sign) => Math.round(zeroMv + (sign * PILOT_SPAN_MV) / divider)).join(" to ");
}

function unsuitableBecause(wiring: JSONObject, field: string, pin: number): string {
  const chip = chipOf(wiring) as Chip;
  const name = wiring.chip as ChipName;
  const wanted = Number(ruleAt(field)) & 7;
  const properties = pinProperties(chip, pin);
  if (!(properties >= 0)) {
    const group = RESERVED[name].find(({ first, last }) => first <= pin && pin <= last);
    return `of an ${CHIP_NAMES[name]} ${group?.is ?? "does not exist"}`;
  }
  if (wanted & ADC1 && !(properties & ADC1)) return `is not on ADC1, which has ${pinsWith(chip, ADC1)}`;
  if (wanted & OUTPUT && !(properties & OUTPUT)) return `of an ${CHIP_NAMES[name]} is only an input`;
  if (sharedUse(name, pin) === USB) return `${USB}, which may pull it up at the start`;
  return "is read by the chip at its start, and its level may change then";
}

function sharedUse(chip: ChipName, pin: number): string | undefined {
  return SHARED[chip].find(({ first, last }) => first <= pin && pin <= last)?.is;
}

function pinsWith(chip: Chip, property: number): string {
  const numbers = Array.from(chip.pins, (_, pin) => pin);
  return numbers
    .filter((pin) => pinProperties(chip, pin) > 0 && pinProperties(chip, pin) & property)
    .join(", ");
}

function warningsOf(wiring: StoredWiring): string[] {
  const warnings: string[] = [];
  const chip = CHIPS[wiring.chip];
  for (const { field, pin } of pinsIn(wiring as unknown as JSONObject)) {
    const properties = pinProperties(chip, pin);
    const warn = (text: string) => warnings.push(`${field}: GPIO ${pin} ${text}`);
    const shared = sharedUse(wiring.chip, pin);
    if (shared) warn(shared);
    else if (properties & UNSTEADY) warn("is read by the chip at its start: nothing may hold its level then");
    if (ruleAt(field) === 0 && !(properties & OUTPUT))
      warn("has no pull-up: it needs an external one to 3.3 V");
  }
  const { zeroMv, divider } = wiring.controlPilot;
  if (zeroMv - 12_000 / divider < ADC_MIN_MV || zeroMv + 12_000 / divider > ADC_MAX_MV) {
    warnings.push(
      "controlPilot: +12 V or -12 V are beyond the range of the ADC; the states are still distinguished",
    );
  }
  if (wiring.contactorFeedbackPin === undefined) {
    warnings.push("contactorFeedbackPin: without a feedback contact, a welded contactor is not detected");
  }
  return [...warnings, ...ethernetWarningsOf(wiring)];
}

/** Returns warnings about parts of Ethernet that no firmware uses. */
function ethernetWarningsOf({ chip, w5500, lan8720, ethernetResetPin }: StoredWiring): string[] {
  if (!w5500 && !lan8720) {
    return ethernetResetPin === undefined ? [] : ["ethernetResetPin: not used without w5500 or lan8720"];
  }
  if (chip === "esp32s3") return ["w5500: there is no firmware with Ethernet for an ESP32-S3"];
  return w5500 && lan8720 ? ["lan8720: not used, because the board has a w5500"] : [];
}
