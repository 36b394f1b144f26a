import type { IO, PinSpecifier } from "./io.js";

/**
 * Why the board's guard opened the contactor, or refused to close it.
 *
 * - `pilot`: the pilot is not in C or D, or the request was not made under a square wave.
 * - `lease`: the firmware has not renewed its lease for 3 s.
 * - `residual-current`, `welded`: faults that are latched. The pilot is at −12 V until they are over and acknowledged.
 * - `too-hot`: the temperature cut-off is open.
 * - `stuck-open`: the feedback contact reports an open contactor after the command to close it.
 * - `testing`: the residual current device is being tested.
 */
export type OpeningReason =
  | "pilot"
  | "lease"
  | "residual-current"
  | "too-hot"
  | "welded"
  | "stuck-open"
  | "testing";

export interface ContactorOptions {
  readonly pin: PinSpecifier;
  /**
   * The guard has opened the contactor, refused to close it, or latched a fault. Before it closes, `write(0)` and
   * `write(1)` are necessary. A reason that the previous run has not received is reported after construction.
   */
  onOpened?(reason: OpeningReason): void;
}

/**
 * The contactor behind the board's guard, which runs below the firmware and may only open it: within 50 ms when the
 * pilot leaves C and D, and at once at a residual current, whatever the firmware does.
 */
export interface Contactor extends IO {
  /**
   * 0 opens the contactor at once. 1 takes the lease and requests a closed contactor: the guard closes it at its next
   * measurement, within 10 ms, if that shows a vehicle that requests energy.
   */
  write(value: 0 | 1): void;
  /** Renews the lease. A contactor that is requested closed opens 3 s after the last renewal. */
  renew(): void;
  /** Acknowledges a latched fault. It has no effect while the cause lasts. */
  acknowledge(): void;
  /**
   * 1 begins a test of the residual current device, 0 ends it. The contactor is open meanwhile, and a residual current is
   * no fault. After `close()` a test that was not ended goes on until the restart.
   */
  test(value: 0 | 1): void;
  /** Whether the device reports a residual current now. */
  readonly hasResidualCurrent: boolean;
}

/** Makes an open contactor. Throws when the pin is in use. */
export type ContactorConstructor = new (options: ContactorOptions) => Contactor;
