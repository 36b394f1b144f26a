import type { Hardware } from "../hardware.js";

/**
 * Wiring of a WT32-ETH01, a classic ESP32 with a LAN8720; docs/flashing.md has the table. Reserved pins: 0, 16, 18, 19,
 * 21-23 and 25-27 (Ethernet), 6-11 (flash), 12 (read at start-up), 1 and 3 (log). 34-39 are inputs only.
 */
export const hardware: Hardware = {
  chipId: 0x0000,
  controlPilot: { generatorPin: 4, adcPin: 35, zeroMv: 1250, divider: 11.3 },
  contactorPin: 32,
  lockPin: 33,
  lampPin: 2,
  meterPin: 36,
  cardReaderPin: 39,
  lan8720: { mdcPin: 23, mdioPin: 18, clock: "input 0", phyAddress: 1 },
  // Turns the oscillator on.
  ethernetResetPin: 16,
  // A socket without a proximity contact: any cable carries 13 A.
  currentLimitA: 13,
};
