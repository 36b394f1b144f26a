import type { Hardware } from "../esp32/hardware.js";

/**
 * Wiring of an ESP32-S3 with PSRAM (DevKitC-1); docs/flashing.md has the table. Reserved pins: 26-37 (flash and PSRAM), 0, 3,
 * 45 and 46 (read at start-up), 19 and 20 (USB), 43 and 44 (log). Only 1-10 are on ADC1.
 */
export const hardware: Hardware = {
  chipId: 0x0009,
  controlPilot: { generatorPin: 4, adcPin: 5, zeroMv: 1250, divider: 11.3 },
  contactorPin: 6,
  lockPin: 7,
  lampPin: 15,
  buzzerPin: 16,
  // The button "BOOT" of a DevKitC. The chip reads it only at start-up.
  buttonPin: 0,
  meterPin: 17,
  cardReaderPin: 18,
  // A socket without a proximity contact: any cable carries 13 A.
  currentLimitA: 13,
};
