import type { Wiring } from "../../../../modules/wiring/index.js";

/** Stands for a pin that is not connected: −1 as a signed byte. */
const NONE = 255;
/** `ETHERNET_TYPE`. */
const W5500 = 0;
/** `ETHERNET_TYPE`. */
const LAN8720 = 1;

/** Returns the values of `ethernet-driver.h`; `undefined` for a wiring without a network interface. */
export function ethernetWiring({ w5500, lan8720, ethernetResetPin = NONE }: Wiring): Uint8Array | undefined {
  if (w5500) {
    const { clockPin, mosiPin, misoPin, selectPin, interruptPin } = w5500;
    return Uint8Array.of(W5500, clockPin, mosiPin, misoPin, selectPin, interruptPin, ethernetResetPin);
  }
  if (!lan8720) return undefined;
  const { mdcPin, mdioPin, clock, phyAddress } = lan8720;
  const [direction, clockPin] = clock.split(" ");
  const isOutput = direction === "output" ? 1 : 0;
  return Uint8Array.of(LAN8720, mdcPin, mdioPin, Number(clockPin), isOutput, phyAddress, ethernetResetPin);
}
