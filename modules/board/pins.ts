import type { IO, PinSpecifier } from "./io.js";

/** A digital output, as `embedded:io/digital`. 1 is active; the board maps it to a level. */
export interface DigitalOut extends IO {
  write(value: 0 | 1): void;
}

/** Makes an inactive output. Throws when the pin is in use. */
export type DigitalOutConstructor = new (options: { pin: PinSpecifier }) => DigitalOut;

/** A digital input, as `embedded:io/digital`. 1 is active; the board maps it from a level. */
export interface DigitalIn extends IO {
  read(): 0 | 1;
}

/**
 * Makes an input. `onReadable` reports a possible change, without debouncing. Throws when the pin is in use.
 */
export type DigitalInConstructor = new (options: { pin: PinSpecifier; onReadable?(): void }) => DigitalIn;

/**
 * Counter for the pulses of a meter's S0 output. In IEC 62053-31 pulses and pauses have at least 30 ms each, so at
 * most 16 pulses arrive per second. The board debounces: a pulse counts at its first edge, after 20 ms without an
 * edge. The SDK's `embedded:io/pulsecount` is not usable: it decodes quadrature, and the ESP32-C3 has no unit for it.
 */
export interface PulseCount extends IO {
  /** Returns the number of pulses since construction. */
  read(): number;
}

/** Makes a pulse counter. Throws when the pin is in use. */
export type PulseCountConstructor = new (options: { pin: PinSpecifier; onReadable?(): void }) => PulseCount;

/** Highest and lowest voltage of the control pilot over at least one whole period, mV. */
export interface PilotLevels {
  readonly highMv: number;
  readonly lowMv: number;
}

export interface ControlPilotOptions {
  readonly pin: PinSpecifier;
  /** The levels have changed by more than the noise since the last call. */
  onReadable?(): void;
}

/**
 * The control pilot circuit of IEC 61851-1 Annex A: a 1 kHz, ±12 V generator behind 1 kΩ, and a measurement of the
 * pilot voltage. It is a sensor (ECMA-419), so that sampling stays in the board. After construction and after
 * `close()` the output is steady +12 V: not ready to supply.
 */
export interface ControlPilot extends IO {
  /** Returns levels that were measured under the last written duty. */
  read(): PilotLevels;
  /** Sets the share of the period at +12 V, per mille. 1000 is steady +12 V, 0 is steady −12 V (state F). */
  write(dutyPermille: number): void;
}

export type ControlPilotConstructor = new (options: ControlPilotOptions) => ControlPilot;
