export type { EnergyMeter } from "./energy-meter.js";
export {
  type MeterFaultCode,
  ModbusMeter,
  type ModbusMeterConfig,
  type ModbusMeterHost,
  type ModbusMeterOptions,
} from "./modbus-meter.js";
export { PulseMeter, type PulseMeterOptions } from "./pulse-meter.js";
export {
  METER_TYPES,
  METER_VALUES,
  type MeterRegister,
  type MeterType,
  type MeterValue,
  REGISTER_TYPES,
  WORD_ORDERS,
} from "./registers.js";
