import type { Hardware } from "../esp32/hardware.js";

/**
 * Wiring of an ESP32-C3 (DevKitM-1); docs/flashing.md has the table. Reserved pins: 11-17 (flash), 2, 8 and 9 (read at
 * start-up), 18 and 19 (USB), 20 and 21 (log). Only 0-4 are on ADC1.
 */
export const hardware: Hardware = {
  chipId: 0x0005,
  controlPilot: { generatorPin: 5, adcPin: 3, zeroMv: 1250, divider: 11.3 },
  contactorPin: 6,
  lockPin: 0,
  lampPin: 4,
  buzzerPin: 1,
  // The button "BOOT" of a DevKitM. The chip reads it only at start-up.
  buttonPin: 9,
  meterPin: 7,
  cardReaderPin: 10,
  // A socket without a proximity contact: any cable carries 13 A.
  currentLimitA: 13,
};
