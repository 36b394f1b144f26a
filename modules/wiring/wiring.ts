import type { ModbusMeterConfig } from "../meter/index.js";
import type { ReaderKind } from "../rfid/index.js";

/** Pins of the RMII of a classic ESP32. */
export const RMII_PINS: readonly number[] = [19, 21, 22, 25, 26, 27];
/** Clocks of a LAN8720: it gives its own to pin 0, or gets that of the chip from pin 16 or 17. */
export const RMII_CLOCKS = ["input 0", "output 16", "output 17"] as const;

/** Wiring of a station: its chip, the pins in use, and properties of what is connected to them. */
export interface Wiring {
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
  /** Input of the residual current device: low while there is no residual current. A broken wire counts as one. */
  readonly residualCurrentPin?: number;
  /** Input of the temperature cut-off: low while it is closed. A broken wire counts as too hot. */
  readonly temperatureCutOffPin?: number;
  /** Output of the circuit breaker's shunt trip: high trips it, when the contactor does not open. */
  readonly shuntTripPin?: number;
  /**
   * Output of a second contactor, which adds L2 and L3 behind the first one: high closes it. An external pull-down keeps it
   * open while the chip starts.
   */
  readonly phaseContactorPin?: number;
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
  /** A meter with Modbus RTU behind an RS485 transceiver, in place of one with an S0 output. */
  readonly modbusMeter?: ModbusMeterConfig & {
    /** Input of the transceiver's receiver output (RO), 3.3 V. */
    readonly receivePin: number;
    /** Output to the transceiver's driver input (DI). */
    readonly transmitPin: number;
    /** Output to the transceiver's DE and RE: high transmits. Absent for a transceiver that finds the direction by itself. */
    readonly directionPin?: number;
  };
  /** Input of the card reader's serial output, 3.3 V. */
  readonly cardReaderPin?: number;
  /** Output to the card reader's serial input. Only a PN532 needs it. */
  readonly cardReaderTransmitPin?: number;
  /** A W5500 on SPI, for a firmware with Ethernet. */
  readonly w5500?: {
    readonly clockPin: number;
    /** Output of the chip, input MOSI of the W5500. */
    readonly mosiPin: number;
    readonly misoPin: number;
    /** Output: low selects the W5500. */
    readonly selectPin: number;
    /** Input: low while the W5500 has an event. */
    readonly interruptPin: number;
  };
  /** A LAN8720 on the RMII of a classic ESP32, for a firmware with Ethernet. Its data pins are `RMII_PINS`. */
  readonly lan8720?: {
    readonly mdcPin: number;
    readonly mdioPin: number;
    /** Direction and pin of its clock of 50 MHz. */
    readonly clock: (typeof RMII_CLOCKS)[number];
    readonly phyAddress: number;
  };
  /** Output: low resets the W5500 or LAN8720, or turns its oscillator off. */
  readonly ethernetResetPin?: number;
  /** Meter constant, imp/kWh. Default: the firmware's configuration. */
  readonly meterPulsesPerKWh?: number;
  /** Kind of the card reader. Default: the firmware's configuration. */
  readonly cardReaderKind?: ReaderKind;
  /** Highest current of the installation, A. Default: the firmware's configuration. */
  readonly currentLimitA?: number;
}
