import { MAX_CURRENT_A, MIN_CURRENT_A } from "../charging/index.js";
import { isJSONObject, type JSONObject } from "../json/index.js";
import { READER_KINDS } from "../rfid/index.js";
import { CHIPS, type Chip, pinProperties } from "./chips.js";
import type { Wiring } from "./wiring.js";

/** Two octal digits: the properties of a pin that matter (chips.ts), and those of them that it must have. */
export type PinRule = number;
/** Lowest and highest value of a number. `step`: the number is a multiple of it. */
export type NumberRule = readonly [min: number, max: number, step?: number];
/**
 * Rules of an object's fields. A rule `type` with a list selects further rules: those under the name that the object's
 * `type` has.
 */
export interface GroupRule {
  readonly [field: string]: FieldRule;
}
export type FieldRule = PinRule | NumberRule | readonly string[] | GroupRule;

const INPUT: PinRule = 0o00;
const OUTPUT: PinRule = 0o11;
/** An output that must not move while the chip starts: no strapping pin. */
const STEADY_OUTPUT: PinRule = 0o51;
/** An analog input. The measured circuit must not hold a strapping pin. */
const ANALOG: PinRule = 0o62;

/** Lowest voltage that the SDK's ADC measures at 12 dB, mV (modules/io/analog/esp32/_analog.c). */
export const ADC_MIN_MV = 150;
/** Highest voltage that the SDK's ADC measures at 12 dB, mV. */
export const ADC_MAX_MV = 2450;
/** Pilot voltage that must be measurable with both signs, mV: the thresholds of state A and of the diode. */
export const PILOT_SPAN_MV = 10_500;
const OHMS: NumberRule = [100, 1_000_000];
/** Fields of the wiring that are required. */
const REQUIRED = ["chip", "controlPilot", "contactorPin"];
/** Fields of the wiring's objects that are not required. */
const OPTIONAL = ["interruptPin", "resetPin"];

/** Data pins of RMII on the ESP32. */
export const RMII_PINS = [19, 21, 22, 25, 26, 27];
/** Pins of the ESP32 for the clock of RMII. */
const RMII_CLOCK_PINS = [0, 16, 17];

/** Rules of the wiring's fields. */
export const WIRING_RULES: GroupRule & Record<keyof Wiring | "chip", FieldRule> = {
  chip: Object.keys(CHIPS),
  controlPilot: {
    generatorPin: STEADY_OUTPUT,
    adcPin: ANALOG,
    zeroMv: [ADC_MIN_MV, ADC_MAX_MV],
    divider: [1, 1000],
  },
  contactorPin: STEADY_OUTPUT,
  contactorFeedbackPin: INPUT,
  lockPin: STEADY_OUTPUT,
  lampPin: OUTPUT,
  buzzerPin: OUTPUT,
  thermistor: { adcPin: ANALOG, ohms: OHMS, beta: [500, 10_000], pullUpOhms: OHMS },
  buttonPin: INPUT,
  meterPin: INPUT,
  cardReaderPin: INPUT,
  ethernet: {
    type: ["w5500", "lan8720"],
    w5500: {
      clockPin: OUTPUT,
      mosiPin: OUTPUT,
      misoPin: INPUT,
      selectPin: OUTPUT,
      interruptPin: INPUT,
      resetPin: OUTPUT,
    },
    lan8720: { mdcPin: OUTPUT, mdioPin: OUTPUT, clockPin: INPUT, phyAddress: [0, 31, 1], resetPin: OUTPUT },
  },
  meterPulsesPerKWh: [1, 1_000_000, 1],
  cardReaderKind: READER_KINDS,
  currentLimitA: [MIN_CURRENT_A, MAX_CURRENT_A],
};

export type WiringMistake =
  | "unknown field"
  | "missing"
  | "invalid value"
  | "unsuitable pin"
  | "pin used twice"
  | "not on this chip"
  | "pilot beyond the ADC";

/** Receives a field, such as `controlPilot.adcPin`, and what is wrong with it. */
export type ReportMistake = (field: string, mistake: WiringMistake) => void;

/** State of one check. */
interface Check {
  readonly chip: Chip | undefined;
  readonly usedPins: number[];
  readonly report: ReportMistake;
}

/** Checks a wiring and reports each mistake. */
export function checkWiring(wiring: JSONObject, report: ReportMistake): void {
  const { controlPilot, ethernet } = wiring;
  const chip = chipOf(wiring);
  const hasRMII = isJSONObject(ethernet) && ethernet.type === "lan8720";
  checkGroup(WIRING_RULES, wiring, "", { chip, usedPins: hasRMII ? [...RMII_PINS] : [], report });
  if (hasRMII && chip !== CHIPS.esp32) report("ethernet.type", "not on this chip");
  if (hasRMII && typeof ethernet.clockPin === "number" && !RMII_CLOCK_PINS.includes(ethernet.clockPin)) {
    report("ethernet.clockPin", "not on this chip");
  }
  if (!isJSONObject(controlPilot)) return;
  const zeroMv = Number(controlPilot.zeroMv);
  const spanMv = PILOT_SPAN_MV / Number(controlPilot.divider);
  if (zeroMv - spanMv < ADC_MIN_MV || zeroMv + spanMv > ADC_MAX_MV) {
    report("controlPilot", "pilot beyond the ADC");
  }
}

/** Chip that a wiring names; `undefined` for an unknown one. */
export function chipOf({ chip }: JSONObject): Chip | undefined {
  return typeof chip === "string" && Object.hasOwn(CHIPS, chip)
    ? CHIPS[chip as keyof typeof CHIPS]
    : undefined;
}

/** Returns the rules of a group, with those that its `type` selects. */
export function rulesOf(rules: GroupRule, group: JSONObject): GroupRule {
  const { type } = rules;
  if (type === undefined) return rules;
  const isKnown = isList(type) && isAllowed(type, group.type);
  return { type, ...(isKnown ? (rules[String(group.type)] as GroupRule) : undefined) };
}

function checkGroup(allRules: GroupRule, group: JSONObject, prefix: string, check: Check): void {
  const rules = rulesOf(allRules, group);
  for (const name of Object.keys({ ...rules, ...group })) {
    const field = prefix + name;
    const rule = rules[name];
    const value = group[name];
    let mistake: WiringMistake | undefined;
    if (!Object.hasOwn(rules, name) || rule === undefined) mistake = "unknown field";
    else if (!Object.hasOwn(group, name)) {
      const isRequired = prefix === "" ? REQUIRED.includes(name) : !OPTIONAL.includes(name);
      if (isRequired) mistake = "missing";
    } else if (typeof rule === "number") mistake = pinMistake(rule, value, check);
    else if (isList(rule)) mistake = isAllowed(rule, value) ? undefined : "invalid value";
    else if (isJSONObject(value)) checkGroup(rule, value, `${field}.`, check);
    else mistake = "invalid value";
    if (mistake) check.report(field, mistake);
  }
}

function pinMistake(rule: PinRule, pin: unknown, { chip, usedPins }: Check): WiringMistake | undefined {
  if (typeof pin !== "number" || !Number.isInteger(pin)) return "invalid value";
  const isUsed = usedPins.includes(pin);
  usedPins.push(pin);
  const properties = chip ? pinProperties(chip, pin) : rule & 7;
  if (!(properties >= 0 && (properties & (rule >> 3)) === (rule & 7))) return "unsuitable pin";
  return isUsed ? "pin used twice" : undefined;
}

function isList(rule: FieldRule): rule is NumberRule | readonly string[] {
  return Array.isArray(rule);
}

function isAllowed(rule: NumberRule | readonly string[], value: unknown): boolean {
  if (typeof value === "string") return (rule as readonly string[]).includes(value);
  const [min, max, step] = rule as NumberRule;
  return typeof value === "number" && value >= min && value <= max && !(step && value % step);
}
