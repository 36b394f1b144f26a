export {
  ADC_MAX_MV,
  ADC_MIN_MV,
  checkWiring,
  chipOf,
  type FieldRule,
  type GroupRule,
  isListRule,
  PILOT_SPAN_MV,
  WIRING_RULES,
  type WiringMistake,
} from "./check.js";
export { ADC1, CHIPS, type Chip, type ChipName, OUTPUT, pinProperties, UNSTEADY } from "./chips.js";
export { readWiring, WIRED_KEY, wiringIn } from "./record.js";
export type { Wiring } from "./wiring.js";
