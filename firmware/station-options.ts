import type { Board } from "../modules/board/index.js";
import type { Config } from "./config.js";
import type { Records } from "./records.js";
import type { BootCounter } from "./update/boot-counter.js";

/** What a station is made of, and safe mode as well. */
export interface StationOptions {
  readonly board: Board;
  /** Valid (`configErrors`). */
  readonly config: Config;
  readonly records: Records;
  readonly boots: BootCounter;
}
