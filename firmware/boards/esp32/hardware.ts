/** Wiring of a station. Each board has its own in `pins.ts`. */
export interface Hardware {
  /** `esp_chip_id_t` (esp_app_format.h of ESP-IDF): images for another chip are refused. */
  readonly chipId: number;
  readonly controlPilot: {
    /** Output of the 1 kHz square wave (IEC 61851-1 A.2): high is +12 V, low is −12 V. */
    readonly generatorPin: number;
    /** Input of the pilot voltage, on ADC1: ADC2 does not measure while Wi-Fi is on. */
    readonly adcPin: number;
    /** Voltage of the ADC pin at 0 V on the pilot, mV. */
    readonly zeroMv: number;
    /** Ratio of a change of the pilot voltage to the change of the ADC pin. */
    readonly divider: number;
  };
  /** Output of the contactor: high closes it. An external pull-down keeps it open while the chip starts. */
  readonly contactorPin: number;
  /** Input of the contactor feedback (auxiliary contact): low while the contactor is closed. It detects a weld. */
  readonly contactorFeedbackPin?: number;
  /** Output of the lock: high locks the plug. */
  readonly lockPin?: number;
  /** Output of the lamp: high turns it on. */
  readonly lampPin?: number;
  /** Output of the buzzer: high turns it on. */
  readonly buzzerPin?: number;
  /** Thermistor from an ADC1 pin to ground, with a resistor from that pin to 3.3 V. 2.4 V or more mean a broken one. */
  readonly thermistor?: {
    readonly adcPin: number;
    /** Resistance of the thermistor at 25 °C, Ω. */
    readonly ohms: number;
    /** B25/85 of the thermistor, K. */
    readonly beta: number;
    /** Resistance from the pin to 3.3 V, Ω. */
    readonly pullUpOhms: number;
  };
  /** Input of the button: low while it is pressed. */
  readonly buttonPin?: number;
  /** Input of the meter's S0 output: low during a pulse. */
  readonly meterPin?: number;
  /** Input of the card reader's serial output, 3.3 V. */
  readonly cardReaderPin?: number;
  /** Wired network interface, for a firmware with Ethernet in place of Wi-Fi. */
  readonly ethernet?: EthernetHardware;
}

/** Wiring of a network interface. */
export type EthernetHardware =
  /** A W5500 on SPI. Without an interrupt pin, the chip asks it every 10 ms. */
  | {
      readonly type: "w5500";
      readonly clockPin: number;
      readonly mosiPin: number;
      readonly misoPin: number;
      readonly selectPin: number;
      readonly interruptPin?: number;
      readonly resetPin?: number;
    }
  /**
   * A LAN8720 on the RMII of the classic ESP32, which has fixed data pins: 19, 21, 22, 25, 26 and 27. Its clock of 50 MHz
   * comes into pin 0, or goes out of pin 16 or 17.
   */
  | {
      readonly type: "lan8720";
      readonly mdcPin: number;
      readonly mdioPin: number;
      readonly clockPin: number;
      /** Address of the LAN8720, 0-31. */
      readonly phyAddress: number;
      readonly resetPin?: number;
    }
  /** The emulated chip's. */
  | { readonly type: "openeth" };
