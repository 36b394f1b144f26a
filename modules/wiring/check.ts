import {
  CABLE_MAX_OHMS,
  CABLE_MIN_OHMS,
  LOWEST_CABLE_A,
  MAX_CURRENT_A,
  MIN_CURRENT_A,
} from "../charging/index.js";
import { isJSONObject, type JSONObject } from "../json/index.js";
import { METER_TYPES, METER_VALUES, REGISTER_TYPES, WORD_ORDERS } from "../meter/index.js";
import { READER_KINDS } from "../rfid/index.js";
import { CHIPS, type Chip, pinProperties } from "./chips.js";
import { RMII_CLOCKS, RMII_PINS, type Wiring } from "./wiring.js";

/** Two octal digits: the properties of a pin that matter (chips.ts), and those of them that it must have. */
export type PinRule = number;
/** Lowest and highest value of a number. `step`: the number is a multiple of it. */
export type NumberRule = readonly [min: number, max: number, step?: number];
/** Rules of an object's fields. Each of them is required, except in the wiring itself and `OPTIONAL`. */
export interface GroupRule {
  readonly [field: string]: FieldRule;
}
/** The allowed values. */
export type ValuesRule = readonly (string | boolean)[];
/** Rules of each object of a list. */
export interface ListRule {
  readonly items: GroupRule;
  readonly maxCount: number;
}
export type FieldRule = PinRule | NumberRule | ValuesRule | GroupRule | readonly [ListRule];

const INPUT: PinRule = 0o00;
const OUTPUT: PinRule = 0o11;
/** An output that must not move while the chip starts: no strapping pin, no USB. */
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
const REQUIRED = ["chip", "controlPilot", "contactorPin"];
const OPTIONAL = ["modbusMeter.directionPin", "modbusMeter.registers"];
/** Type of a Modbus meter whose registers are in the wiring. */
const OWN_REGISTERS = "registers";

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
  residualCurrentPin: INPUT,
  residualCurrentTestPin: STEADY_OUTPUT,
  protectiveEarthPin: INPUT,
  phase1Pin: INPUT,
  phase2Pin: INPUT,
  phase3Pin: INPUT,
  temperatureCutOffPin: INPUT,
  shuntTripPin: STEADY_OUTPUT,
  phaseContactorPin: STEADY_OUTPUT,
  lockPin: STEADY_OUTPUT,
  lockFeedbackPin: INPUT,
  proximity: { adcPin: ANALOG, pullUpOhms: OHMS, supplyMv: [ADC_MIN_MV, 12_000] },
  ventilation: [true, false],
  lampPin: OUTPUT,
  buzzerPin: OUTPUT,
  thermistor: { adcPin: ANALOG, ohms: OHMS, beta: [500, 10_000], pullUpOhms: OHMS },
  buttonPin: INPUT,
  meterPin: INPUT,
  modbusMeter: {
    receivePin: INPUT,
    transmitPin: OUTPUT,
    directionPin: OUTPUT,
    baud: [1200, 115_200, 1],
    address: [1, 247, 1],
    type: [...Object.keys(METER_TYPES), OWN_REGISTERS],
    registers: [
      {
        items: {
          value: METER_VALUES,
          functionCode: [3, 4, 1],
          register: [0, 65_534, 1],
          type: REGISTER_TYPES,
          scale: [-1e6, 1e6],
          wordOrder: WORD_ORDERS,
        },
        maxCount: METER_VALUES.length,
      },
    ],
  },
  cardReaderPin: INPUT,
  cardReaderTransmitPin: OUTPUT,
  w5500: { clockPin: OUTPUT, mosiPin: OUTPUT, misoPin: INPUT, selectPin: STEADY_OUTPUT, interruptPin: INPUT },
  lan8720: { mdcPin: OUTPUT, mdioPin: OUTPUT, clock: RMII_CLOCKS, phyAddress: [0, 31, 1] },
  ethernetResetPin: OUTPUT,
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
  | "pilot beyond the ADC"
  | "proximity beyond the ADC"
  | "needs RMII"
  | "needs contactor feedback"
  | "needs registers"
  | "value used twice"
  | "second meter"
  | "second UART"
  | "needs proximity"
  | "needs lockPin"
  | "needs residualCurrentPin";

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
  const { controlPilot, lan8720, proximity } = wiring;
  const chip = chipOf(wiring);
  checkGroup(WIRING_RULES, wiring, "", { chip, usedPins: fixedPins(lan8720), report });
  if (isJSONObject(lan8720) && chip && chip !== CHIPS.esp32) report("lan8720", "needs RMII");
  checkCombination(wiring, report);
  if (isJSONObject(proximity)) checkProximity(proximity, report);
  if (isJSONObject(wiring.modbusMeter)) checkMeter(wiring, wiring.modbusMeter, report);
  if (wiring.cardReaderKind === "pn532" && wiring.cardReaderTransmitPin === undefined) {
    report("cardReaderTransmitPin", "missing");
  }
  if (!isJSONObject(controlPilot)) return;
  const zeroMv = numberOf(controlPilot.zeroMv);
  const spanMv = PILOT_SPAN_MV / numberOf(controlPilot.divider);
  if (zeroMv - spanMv < ADC_MIN_MV || zeroMv + spanMv > ADC_MAX_MV) {
    report("controlPilot", "pilot beyond the ADC");
  }
}

/** Checks fields that need another one. */
function checkCombination(wiring: JSONObject, report: ReportMistake): void {
  const has = (field: keyof Wiring) => wiring[field] !== undefined;
  // Only the feedback shows that the first contactor is open before the second one changes.
  if (has("phaseContactorPin") && !has("contactorFeedbackPin"))
    report("phaseContactorPin", "needs contactor feedback");
  if (has("lockFeedbackPin") && !has("lockPin")) report("lockFeedbackPin", "needs lockPin");
  if (has("residualCurrentTestPin") && !has("residualCurrentPin"))
    report("residualCurrentTestPin", "needs residualCurrentPin");
  // A lock means a socket, and any cable may be plugged into it. Each one carries at least 13 A.
  if (has("lockPin") && !has("proximity") && !(numberOf(wiring.currentLimitA) <= LOWEST_CABLE_A))
    report("lockPin", "needs proximity");
}

/** Checks that the resistors of all cables are in the range of the ADC. */
function checkProximity({ pullUpOhms, supplyMv }: JSONObject, report: ReportMistake): void {
  const levelOf = (ohms: number) => (numberOf(supplyMv) * ohms) / (ohms + numberOf(pullUpOhms));
  if (levelOf(CABLE_MIN_OHMS) < ADC_MIN_MV || levelOf(CABLE_MAX_OHMS) > ADC_MAX_MV)
    report("proximity", "proximity beyond the ADC");
}

/** Checks what the rules of the fields do not say. The chips have one UART besides that of the log. */
function checkMeter(wiring: JSONObject, { type, registers }: JSONObject, report: ReportMistake): void {
  if (wiring.meterPin !== undefined) report("modbusMeter", "second meter");
  if (wiring.cardReaderPin !== undefined) report("modbusMeter", "second UART");
  const values = Array.isArray(registers)
    ? registers.map((one) => (isJSONObject(one) ? one.value : one))
    : [];
  const isComplete = values.includes("energy") && values.includes("power");
  if (type === OWN_REGISTERS ? !isComplete : registers !== undefined) {
    report("modbusMeter.registers", "needs registers");
  }
  if (new Set(values).size !== values.length) report("modbusMeter.registers", "value used twice");
}

/** A number; NaN for any other value. `Number` would throw for an object with a field `valueOf`. */
function numberOf(value: unknown): number {
  return typeof value === "number" ? value : Number.NaN;
}

/** Pins of the RMII and its clock. */
function fixedPins(lan8720: unknown): number[] {
  if (!isJSONObject(lan8720)) return [];
  return [...RMII_PINS, pinOfClock(lan8720.clock)];
}

/** Pin of a LAN8720's clock; NaN for an invalid one. */
function pinOfClock(clock: unknown): number {
  return typeof clock === "string" ? Number(clock.split(" ")[1]) : Number.NaN;
}

/** Chip that a wiring names; `undefined` for an unknown one. */
export function chipOf({ chip }: JSONObject): Chip | undefined {
  return typeof chip === "string" && Object.hasOwn(CHIPS, chip)
    ? CHIPS[chip as keyof typeof CHIPS]
    : undefined;
}

function checkGroup(rules: GroupRule, group: JSONObject, prefix: string, check: Check): void {
  for (const name of Object.keys({ ...rules, ...group })) {
    const field = prefix + name;
    const rule = rules[name];
    const value = group[name];
    let mistake: WiringMistake | undefined;
    if (!Object.hasOwn(rules, name) || rule === undefined) mistake = "unknown field";
    else if (!Object.hasOwn(group, name)) {
      if (prefix === "" ? REQUIRED.includes(name) : !OPTIONAL.includes(field)) mistake = "missing";
    } else if (typeof rule === "number") mistake = pinMistake(rule, value, check);
    else if (isListRule(rule)) mistake = checkList(rule[0], value, field, check);
    else if (isList(rule)) mistake = isAllowed(rule, value) ? undefined : "invalid value";
    else if (isJSONObject(value)) checkGroup(rule, value, `${field}.`, check);
    else mistake = "invalid value";
    if (mistake) check.report(field, mistake);
  }
}

function checkList(
  { items, maxCount }: ListRule,
  list: unknown,
  field: string,
  check: Check,
): WiringMistake | undefined {
  if (!Array.isArray(list) || list.length > maxCount) return "invalid value";
  for (const [i, item] of list.entries()) {
    if (!isJSONObject(item)) return "invalid value";
    checkGroup(items, item, `${field}.${i}.`, check);
  }
  return undefined;
}

function pinMistake(rule: PinRule, pin: unknown, { chip, usedPins }: Check): WiringMistake | undefined {
  if (typeof pin !== "number" || !Number.isInteger(pin)) return "invalid value";
  const isUsed = usedPins.includes(pin);
  usedPins.push(pin);
  const properties = chip ? pinProperties(chip, pin) : rule & 7;
  if (!(properties >= 0 && (properties & (rule >> 3)) === (rule & 7))) return "unsuitable pin";
  return isUsed ? "pin used twice" : undefined;
}

export function isListRule(rule: FieldRule): rule is readonly [ListRule] {
  return Array.isArray(rule) && typeof rule[0] === "object";
}

function isList(rule: FieldRule): rule is NumberRule | ValuesRule {
  return Array.isArray(rule);
}

function isAllowed(rule: NumberRule | ValuesRule, value: unknown): boolean {
  if (typeof value === "string" || typeof value === "boolean") return (rule as ValuesRule).includes(value);
  const [min, max, step] = rule as NumberRule;
  return typeof value === "number" && value >= min && value <= max && !(step && value % step);
}
