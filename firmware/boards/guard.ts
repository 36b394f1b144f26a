/**
 * How a board calls the firmware. All that hardware, sockets and timers call goes through `run`, so that what
 * escapes a callback ends in one place, as the board decides: the chip restarts, a virtual board tells its world.
 */
export interface Guard {
  /** Calls the firmware now. Does not throw. */
  run(callback: () => void): void;
  /** Calls the firmware soon, never from inside its own call. */
  soon(callback: () => void): void;
  /** `release` is called when this run of the firmware ends. Returns how to release before that, once. */
  hold(release: () => void): () => void;
}
