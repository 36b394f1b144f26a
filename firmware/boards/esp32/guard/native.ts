/** Functions of guard.c. XS replaces each of these functions by the native one if it has exactly this form. */

/** Starts the guard. Further calls have no effect. Throws when the pins, the ADC or the timer cannot be used. */
export function start(this: unknown, wiring: readonly number[]): void {
  native("xs_guard_start").call(this, wiring);
}

/** Requests a closed contactor with 1; opens it with 0. */
export function request(this: unknown, value: number): void {
  native("xs_guard_request").call(this, value);
}

export function renew(this: unknown): void {
  native("xs_guard_renew").call(this);
}

export function acknowledge(this: unknown): void {
  native("xs_guard_acknowledge").call(this);
}

/** Begins a test of the residual current device with 1, ends it with 0. */
export function test(this: unknown, value: number): void {
  native("xs_guard_test").call(this, value);
}

/** Returns 1 while the residual current device reports a current. */
export function residualCurrent(this: unknown): number {
  return native("xs_guard_residualCurrent").call(this);
}

/** Sets the share of the generator's period at +12 V, per mille. */
export function offer(this: unknown, dutyPermille: number): void {
  native("xs_guard_offer").call(this, dutyPermille);
}

/** Returns 1 when a level of the pilot has changed since the last call. It has to be called at times. */
export function poll(this: unknown): number {
  return native("xs_guard_poll").call(this);
}

/** Returns the highest (0) or the lowest (1) level of the pilot, mV. It waits for a measurement under the last duty. */
export function level(this: unknown, which: number): number {
  return native("xs_guard_level").call(this, which);
}

/** Returns the reason that was not taken yet (`enum guard_reason`), also of the previous run, and deletes it. */
export function takeReason(this: unknown): number {
  return native("xs_guard_takeReason").call(this);
}

/** Measures another pin of the ADC, the mean of 16 samples, mV. */
export function analog(this: unknown, pin: number): number {
  return native("xs_guard_analog").call(this, pin);
}
