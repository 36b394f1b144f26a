/** How a station is wired: what `pins.ts` of each board says. */
export interface Hardware {
  /** `esp_chip_id_t` (esp_app_format.h of ESP-IDF): images for another chip are refused. */
  readonly chipId: number;
  readonly controlPilot: {
    /** Puts out the 1 kHz square wave of IEC 61851-1 A.2: high is +12 V, low is −12 V. */
    readonly generatorPin: number;
    /** An ADC1 pin: ADC2 does not measure while Wi-Fi is on. */
    readonly adcPin: number;
    /** What the ADC pin has, in millivolts, with 0 V on the pilot. */
    readonly zeroMv: number;
    /** By how much a volt on the pilot is divided on its way to the ADC pin. */
    readonly divider: number;
  };
  /** High closes the contactor. An external pull-down keeps it open while the chip starts. */
  readonly contactorPin: number;
  /** The contactor's auxiliary contact, to ground while the contactor is closed: it tells a weld. */
  readonly contactorAnswerPin?: number;
  /** High locks the plug. */
  readonly lockPin?: number;
  /** High lights. */
  readonly lampPin?: number;
  /** High sounds. */
  readonly buzzerPin?: number;
  /** A thermistor from an ADC1 pin to ground, and a resistor from that pin to 3.3 V; 2.4 V there count as broken. */
  readonly thermistor?: {
    readonly adcPin: number;
    /** At 25 °C. */
    readonly ohms: number;
    /** Its B25/85, in kelvins. */
    readonly beta: number;
    readonly pullUpOhms: number;
  };
  /** To ground while it is pressed. */
  readonly buttonPin?: number;
  /** The S0 output of a meter, to ground at each pulse. */
  readonly meterPin?: number;
  /** What a card reader sends on, at 3.3 V. */
  readonly cardReaderPin?: number;
}
