import type { Hardware } from "./hardware.js";

/**
 * Wiring of an ESP32 (WROOM-32, DevKitC); docs/flashing.md has the table. Reserved pins: 6-11 (flash), 0, 2, 5, 12 and
 * 15 (read at start-up), 1 and 3 (log). 34-39 are inputs only.
 */
export const hardware: Hardware = {
  chipId: 0x0000,
  controlPilot: {
    generatorPin: 25,
    adcPin: 34,
    // ±13 V on the pilot become 0.1-2.4 V, which is the range of the ADC at 12 dB.
    zeroMv: 1250,
    divider: 11.3,
  },
  contactorPin: 26,
  lockPin: 32,
  lampPin: 18,
  buzzerPin: 19,
  // With an auxiliary contact: contactorFeedbackPin: 27. Without a contact that pin would report an open contactor.
  // With a thermistor: thermistor: { adcPin: 35, ohms: 10_000, beta: 3950, pullUpOhms: 22_000 }.
  // The button "BOOT" of a DevKitC. The chip reads it only at start-up.
  buttonPin: 0,
  meterPin: 33,
  cardReaderPin: 16,
  // A socket without a proximity contact: any cable carries 13 A.
  currentLimitA: 13,
};
