import { analogPin } from "./analog-pin.js";
import type { Hardware } from "./hardware.js";

type Circuit = NonNullable<Hardware["thermistor"]>;

/** Voltage of the ADC's highest reading at 12 dB, mV (guard/guard.c). */
const ADC_FULL_SCALE_MV = 2450;
const SUPPLY_MV = 3300;
const KELVINS_AT_0_C = 273.15;
const KELVINS_AT_25_C = 298.15;
/** Minimum voltage that counts as an open circuit, mV: the thermistor is disconnected, or colder than measurable. */
const OPEN_MV = 0.99 * ADC_FULL_SCALE_MV;
/** Maximum valid temperature, °C. A higher one means that the thermistor is shorted. */
const HOTTEST_C = 150;

/** Converts the pin's voltage to a temperature, °C; `undefined` for a broken or shorted thermistor. */
export function temperatureOf({ ohms, beta, pullUpOhms }: Circuit, millivolts: number): number | undefined {
  if (millivolts <= 0 || millivolts >= OPEN_MV) return undefined;
  const measuredOhms = (pullUpOhms * millivolts) / (SUPPLY_MV - millivolts);
  const temperatureC = 1 / (1 / KELVINS_AT_25_C + Math.log(measuredOhms / ohms) / beta) - KELVINS_AT_0_C;
  return temperatureC < HOTTEST_C ? temperatureC : undefined;
}

/** Returns a function that measures the temperature at each call. `onAnalog` is called before the ADC is used. */
export function makeThermometer(circuit: Circuit, onAnalog: () => void): () => number | undefined {
  const measure = analogPin(circuit.adcPin, onAnalog);
  return () => temperatureOf(circuit, measure());
}
