/** A running timer. Only `Clock.clear` takes it. */
export interface Timer {
  readonly kind: "timer";
}

/** The only source of time for the modules. Virtual in a simulation. */
export interface Clock {
  /** Milliseconds since some fixed moment. Never jumps, never goes back: the base of every time-out. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC; `undefined` until the time is known. May jump. */
  epochMs(): number | undefined;
  /** Calls back once, `delayMs` (>= 0) from now and never from inside this call. */
  set(callback: () => void, delayMs: number): Timer;
  /** Calls back every `periodMs` (>= 1), first in one period. */
  repeat(callback: () => void, periodMs: number): Timer;
  /** Stops a timer; `undefined` and a timer that is over are ignored. */
  clear(timer: Timer | undefined): void;
}
