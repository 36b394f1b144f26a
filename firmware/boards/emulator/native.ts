/** Functions of uart.c. XS replaces each of these functions by the native one if it has exactly this form. */

/** Gives the receive threshold of the UARTs its reset value, which the emulator does not have. */
export function resetUARTs(this: unknown): void {
  native("xs_emulator_reset_uarts").call(this);
}
