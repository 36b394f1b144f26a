import type { Hardware } from "../esp32/hardware.js";

/**
 * ESP32-C3 (DevKitM-1); docs/flashing.md has the wiring table. Keep off 11-17 (flash), 2, 8 and 9 (read at start-up),
 * 18 and 19 (USB), 20 and 21 (log). Only 0-4 are on ADC1.
 */
export const hardware: Hardware = {
  chipId: 0x0005,
  controlPilot: { generatorPin: 5, adcPin: 3, zeroMv: 1250, divider: 11.3 },
  contactorPin: 6,
  // The button "BOOT" of a DevKitM: read at start-up, an ordinary button after it.
  buttonPin: 9,
  meterPin: 7,
  cardReaderPin: 10,
};
