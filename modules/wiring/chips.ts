/** Chip as a wiring names it. */
export type ChipName = "esp32" | "esp32c3" | "esp32s3";

export interface Chip {
  /** `esp_chip_id_t` (esp_app_format.h of ESP-IDF). */
  readonly id: number;
  /**
   * One character for each GPIO number: `-` for a pin that does not exist or has a fixed use (flash, PSRAM, log on
   * UART0); otherwise the sum of `OUTPUT`, `ADC1` and `UNSTEADY`. Each pin can be an input.
   */
  readonly pins: string;
}

/** The pin can be an output. */
export const OUTPUT = 1;
/** The pin is on ADC1. */
export const ADC1 = 2;
/**
 * The level of the pin may change while the chip starts. The chip reads it then (strapping), so that what is connected must
 * not hold it, or its USB pulls it up.
 */
export const UNSTEADY = 4;

/** Chips of the firmware, with their pins after the vendor's datasheets. */
export const CHIPS: Readonly<Record<ChipName, Chip>> = {
  // Flash 6-11, UART0 1 and 3, strapping 0, 2, 5, 12 and 15, inputs only 34-39.
  esp32: { id: 0x0000, pins: "5-5-15------51151111-111-111----33222222" },
  // Flash 11-17, UART0 20 and 21, strapping 2, 8 and 9, USB 18 and 19.
  esp32c3: { id: 0x0005, pins: "33733111551-------55--" },
  // Flash and PSRAM 26-37, UART0 43 and 44, strapping 0, 3, 45 and 46, USB 19 and 20.
  esp32s3: { id: 0x0009, pins: "5337333333311111111551----------------11111--5511" },
};

/** Properties of a pin, a sum as in `Chip.pins`. Negative or NaN: not available. */
export function pinProperties(chip: Chip, pin: number): number {
  return chip.pins.charCodeAt(pin) - "0".charCodeAt(0);
}
