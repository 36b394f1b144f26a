/** Handle of a timer, for `Clock.clear`. */
export interface Timer {
  readonly kind: "timer";
}

/** The only source of time for the modules. A simulation has a virtual clock. */
export interface Clock {
  /** Returns milliseconds since a fixed moment. It is monotonic and the base of every timeout. */
  monotonicMs(): number;
  /** Returns milliseconds since 1970-01-01 UTC; `undefined` until the time is known. It may jump. */
  epochMs(): number | undefined;
  /** Calls back once, `delayMs` (>= 0) from now, never during this call. */
  set(callback: () => void, delayMs: number): Timer;
  /** Calls back every `periodMs` (>= 1), for the first time after one period. */
  repeat(callback: () => void, periodMs: number): Timer;
  /** Stops a timer. Ignores `undefined` and an expired timer. */
  clear(timer: Timer | undefined): void;
}
