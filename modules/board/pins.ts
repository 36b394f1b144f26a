import type { IO, PinSpecifier } from "./io.js";

/** A digital output, as `embedded:io/digital`. 1 is active, whatever the level. */
export interface DigitalOut extends IO {
  write(value: 0 | 1): void;
}

/** Starts inactive. Throws when the pin is in use. */
export type DigitalOutConstructor = new (options: { pin: PinSpecifier }) => DigitalOut;

/** A digital input, as `embedded:io/digital`. 1 is active, whatever the level. */
export interface DigitalIn extends IO {
  read(): 0 | 1;
}

/** `onReadable`: the input may have changed; a contact that bounces is told bouncing. Throws when the pin is in use. */
export type DigitalInConstructor = new (options: { pin: PinSpecifier; onReadable?(): void }) => DigitalIn;

/**
 * Counts the pulses of a meter's S0 output. IEC 62053-31 gives pulses and pauses at least 30 ms each, so at most 16
 * pulses arrive in a second. The board ignores bounces: a pulse counts at its first edge, and only after the input has
 * been quiet for 20 ms. Not the SDK's `embedded:io/pulsecount`: that decodes quadrature, and the ESP32-C3 has no unit
 * for it.
 */
export interface PulseCount extends IO {
  /** Pulses since construction. */
  read(): number;
}

/** Throws when the pin is in use. */
export type PulseCountConstructor = new (options: { pin: PinSpecifier; onReadable?(): void }) => PulseCount;

/** The highest and the lowest voltage of the control pilot over at least one whole period, in millivolts. */
export interface PilotLevels {
  readonly highMv: number;
  readonly lowMv: number;
}

export interface ControlPilotOptions {
  pin: PinSpecifier;
  /** The levels have moved by more than the noise since the last call. */
  onReadable?(): void;
}

/**
 * The control pilot circuit of IEC 61851-1 Annex A: a 1 kHz, ±12 V generator behind 1 kΩ, and the measurement of
 * what the vehicle makes of it. A sensor (ECMA-419) so that sampling stays in the board. Starts, and ends at
 * `close()`, with steady +12 V: not ready to supply.
 */
export interface ControlPilot extends IO {
  /** Measured under the duty that was written last. */
  read(): PilotLevels;
  /** Share of the period at +12 V in permille; 1000: steady +12 V, 0: steady −12 V (state F). */
  write(dutyPermille: number): void;
}

export type ControlPilotConstructor = new (options: ControlPilotOptions) => ControlPilot;
