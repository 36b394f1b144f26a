import { analogPin } from "./analog-pin.js";
import type { Hardware } from "./hardware.js";

type Circuit = NonNullable<Hardware["proximity"]>;

/** Minimum reading that counts as an open contact, mV: the ADC at 12 dB ends at 2450 mV (guard/guard.c). */
const OPEN_MV = 2400;

/** Converts the pin's voltage to the resistance from the proximity contact to earth, Ω. */
export function proximityOhmsOf({ pullUpOhms, supplyMv }: Circuit, millivolts: number): number {
  if (millivolts >= Math.min(OPEN_MV, supplyMv)) return Number.POSITIVE_INFINITY;
  return (pullUpOhms * Math.max(0, millivolts)) / (supplyMv - millivolts);
}

/** Returns a function that measures the resistance at each call. `onAnalog` is called before the ADC is used. */
export function makeProximity(circuit: Circuit, onAnalog: () => void): () => number {
  const measure = analogPin(circuit.adcPin, onAnalog);
  return () => proximityOhmsOf(circuit, measure());
}
