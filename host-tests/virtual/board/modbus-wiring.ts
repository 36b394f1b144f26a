import type { ModbusMeterConfig } from "../../../modules/meter/index.js";
import { BUILT_IN } from "./pins.js";

/** Returns the built-in wiring with a Modbus meter in place of the S0 meter and the card reader, as a record `device` has it. */
export function modbusWiring(meter: Partial<ModbusMeterConfig> = {}): Record<string, unknown> {
  const { meterPin: _, cardReaderPin: __, cardReaderTransmitPin: ___, ...others } = BUILT_IN;
  const pins = { receivePin: 16, transmitPin: 17, directionPin: 21 };
  return {
    chip: "esp32",
    ...others,
    modbusMeter: { ...pins, baud: 9600, address: 1, type: "sdm630", ...meter },
  };
}
