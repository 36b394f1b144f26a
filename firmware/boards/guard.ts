/**
 * Error barrier between a board and the firmware. Hardware, sockets and timers call the firmware through `run`, so that
 * the board handles every exception of a callback in one place: the chip restarts, a virtual board reports it.
 */
export interface Guard {
  /** Calls the firmware immediately. Does not throw. */
  run(callback: () => void): void;
  /** Calls the firmware in the next turn of the clock, never from inside its own call. */
  soon(callback: () => void): void;
  /** Registers `release` for the end of this run of the firmware. Returns a function that releases earlier, once. */
  hold(release: () => void): () => void;
}
