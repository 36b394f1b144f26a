import type { Board } from "../../../modules/board/index.js";

/** A board and the world around it. It runs a contract suite against each implementation of the port. */
export interface Harness {
  readonly board: Board;
  /** Address at which the board reaches itself. */
  readonly ownAddress: string;
  /** Runs the world until `condition` holds. Fails after 5 s of the board's time with `what`. */
  until(what: string, condition: () => boolean): Promise<void>;
  /** Runs the world for this time of the board. */
  pass(durationMs: number): Promise<void>;
  dispose(): Promise<void>;
}

export interface HarnessOptions {
  /** Number of the board's TCP sockets, without listeners. */
  maxSockets?: number;
}

export type MakeHarness = (options?: HarnessOptions) => Promise<Harness>;
