/** Functions of uart.c and guard-bench.c. XS replaces each of these functions by the native one if it has exactly this form. */

/** Gives the receive threshold of the UARTs its reset value, which the emulator does not have. */
export function resetUARTs(this: unknown): void {
  native("xs_emulator_reset_uarts").call(this);
}

/** Sets the voltages of the pilot after a time. */
export function setPilot(this: unknown, highMv: number, lowMv: number, delayMs: number): void {
  native("xs_bench_setPilot").call(this, highMv, lowMv, delayMs);
}

/** Halts the engine's task for a time. */
export function halt(this: unknown, durationMs: number): void {
  native("xs_bench_halt").call(this, durationMs);
}

/** Returns the state of the contactor's pin. */
export function isContactorClosed(this: unknown): number {
  return native("xs_bench_isContactorClosed").call(this);
}

/** Returns the time from the latest change of the voltages to the latest opening of the contactor, ms. */
export function openedAfter(this: unknown): number {
  return native("xs_bench_openedAfter").call(this);
}
