import { MAX_CURRENT_A, MIN_CURRENT_A } from "../charging/index.js";
import { isJSONObject, type JSONObject } from "../json/index.js";
import { READER_KINDS } from "../rfid/index.js";
import { ADC1, CHIPS, type Chip, OUTPUT, pinProperties, STRAPPING } from "./chips.js";
import type { Wiring } from "./wiring.js";

/** Requirement of a pin: of its properties under `mask`, it must have exactly those of `wanted`. */
export interface PinRule {
  readonly mask: number;
  readonly wanted: number;
}

/** Lowest and highest value of a number. `step`: the number is a multiple of it. */
export interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly step?: number;
}

type FieldRule = PinRule | NumberRule | readonly string[] | GroupRule;

/** Rules of an object's fields. Each of them is required, except in the wiring itself. */
export interface GroupRule {
  readonly [field: string]: FieldRule;
}

const INPUT: PinRule = { mask: 0, wanted: 0 };
const ANY_OUTPUT: PinRule = { mask: OUTPUT, wanted: OUTPUT };
/** An output that must not move while the chip starts. */
const STEADY_OUTPUT: PinRule = { mask: OUTPUT | STRAPPING, wanted: OUTPUT };
/** An analog input. The measured circuit must not hold a strapping pin. */
const ANALOG: PinRule = { mask: ADC1 | STRAPPING, wanted: ADC1 };

/** Voltages that the SDK's ADC can measure at 12 dB, mV (modules/io/analog/esp32/_analog.c). */
export const ADC_MIN_MV = 150;
export const ADC_MAX_MV = 2450;
/** Pilot voltage that must be measurable with both signs, mV: the thresholds of state A and of the diode. */
const PILOT_SPAN_MV = 10_500;
const OHMS: NumberRule = { min: 100, max: 1_000_000 };
const REQUIRED = ["chip", "controlPilot", "contactorPin"];

/** Rules of the wiring's fields. */
export const WIRING_RULES: GroupRule & Record<keyof Wiring | "chip", FieldRule> = {
  chip: Object.keys(CHIPS),
  controlPilot: {
    generatorPin: STEADY_OUTPUT,
    adcPin: ANALOG,
    zeroMv: { min: ADC_MIN_MV, max: ADC_MAX_MV },
    divider: { min: 1, max: 1000 },
  },
  contactorPin: STEADY_OUTPUT,
  contactorFeedbackPin: INPUT,
  lockPin: STEADY_OUTPUT,
  lampPin: ANY_OUTPUT,
  buzzerPin: ANY_OUTPUT,
  thermistor: { adcPin: ANALOG, ohms: OHMS, beta: { min: 500, max: 10_000 }, pullUpOhms: OHMS },
  buttonPin: INPUT,
  meterPin: INPUT,
  cardReaderPin: INPUT,
  meterPulsesPerKWh: { min: 1, max: 1_000_000, step: 1 },
  cardReaderKind: READER_KINDS,
  currentLimitA: { min: MIN_CURRENT_A, max: MAX_CURRENT_A },
};

export type WiringMistake =
  | "unknown field"
  | "missing"
  | "invalid value"
  | "unsuitable pin"
  | "pin used twice"
  | "pilot beyond the ADC";

/** Receives a field, such as `controlPilot.adcPin`, and what is wrong with it. */
export type ReportMistake = (field: string, mistake: WiringMistake) => void;

/** Whether an object with the rules `WIRING_RULES` and a chip is a wiring of that chip. Reports each mistake. */
export function checkWiring(wiring: JSONObject, report: ReportMistake): void {
  new WiringCheck(chipOf(wiring), report).check(wiring);
}

/** Chip that a wiring names; `undefined` for an unknown one. */
export function chipOf({ chip }: JSONObject): Chip | undefined {
  return typeof chip === "string" && Object.hasOwn(CHIPS, chip)
    ? CHIPS[chip as keyof typeof CHIPS]
    : undefined;
}

export function isPinRule(rule: FieldRule): rule is PinRule {
  return "mask" in rule;
}

class WiringCheck {
  private readonly _chip: Chip | undefined;
  private readonly _report: ReportMistake;
  private readonly _usedPins: number[] = [];

  constructor(chip: Chip | undefined, report: ReportMistake) {
    this._chip = chip;
    this._report = report;
  }

  check(wiring: JSONObject): void {
    this._checkGroup(WIRING_RULES, wiring, "");
    const { controlPilot } = wiring;
    if (isJSONObject(controlPilot)) this._checkPilot(controlPilot);
  }

  private _checkGroup(rules: GroupRule, group: JSONObject, prefix: string): void {
    for (const name of Object.keys(group)) {
      if (!Object.hasOwn(rules, name)) this._report(prefix + name, "unknown field");
    }
    for (const name of Object.keys(rules)) {
      const field = prefix + name;
      if (Object.hasOwn(group, name)) this._checkField(rules[name] as FieldRule, group[name], field);
      else if (prefix !== "" || REQUIRED.includes(name)) this._report(field, "missing");
    }
  }

  private _checkField(rule: FieldRule, value: unknown, field: string): void {
    if (isPinRule(rule)) this._checkPin(rule, value, field);
    else if (isGroupRule(rule)) {
      if (isJSONObject(value)) this._checkGroup(rule, value, `${field}.`);
      else this._report(field, "invalid value");
    } else if (!isAllowed(rule, value)) this._report(field, "invalid value");
  }

  private _checkPin({ mask, wanted }: PinRule, pin: unknown, field: string): void {
    if (typeof pin !== "number" || !Number.isInteger(pin)) {
      this._report(field, "invalid value");
      return;
    }
    const properties = this._chip ? pinProperties(this._chip, pin) : wanted;
    if (!(properties >= 0 && (properties & mask) === wanted)) this._report(field, "unsuitable pin");
    else if (this._usedPins.includes(pin)) this._report(field, "pin used twice");
    this._usedPins.push(pin);
  }

  private _checkPilot({ zeroMv, divider }: JSONObject): void {
    const spanMv = PILOT_SPAN_MV / Number(divider);
    if (Number(zeroMv) - spanMv < ADC_MIN_MV || Number(zeroMv) + spanMv > ADC_MAX_MV) {
      this._report("controlPilot", "pilot beyond the ADC");
    }
  }
}

function isGroupRule(rule: Exclude<FieldRule, PinRule>): rule is GroupRule {
  return !("min" in rule || Array.isArray(rule));
}

function isAllowed(rule: NumberRule | readonly string[], value: unknown): boolean {
  if (Array.isArray(rule)) return rule.includes(value);
  const { min, max, step } = rule as NumberRule;
  return typeof value === "number" && value >= min && value <= max && !(step && value % step);
}
