import type { Board } from "../../../modules/board/index.js";

/** A board and the world around it, so that one contract suite runs against every implementation of the port. */
export interface Harness {
  readonly board: Board;
  /** The address at which the board reaches itself. */
  readonly ownAddress: string;
  /** Lets the world go on until `condition` holds. Fails after 5 s of the board's time, naming `what`. */
  until(what: string, condition: () => boolean): Promise<void>;
  /** Lets `durationMs` of the board's time pass. */
  pass(durationMs: number): Promise<void>;
  dispose(): Promise<void>;
}

export interface HarnessOptions {
  /** How many TCP sockets the board has, listeners not counted. */
  maxSockets?: number;
}

export type MakeHarness = (options?: HarnessOptions) => Promise<Harness>;
