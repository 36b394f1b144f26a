import { analog } from "./guard/native.js";

/** Returns a function that measures a pin at each call, mV. `onAnalog` is called before the ADC is used. */
export function analogPin(pin: number, onAnalog: () => void): () => number {
  let isFirst = true;
  return () => {
    // In safe mode nothing measures, and with Ethernet the ADC stays the source of random numbers (random.ts).
    if (isFirst) onAnalog();
    isFirst = false;
    return analog(pin);
  };
}
