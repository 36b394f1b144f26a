import type { Board } from "../modules/board/index.js";
import type { Trace } from "../modules/trace/index.js";
import type { Config } from "./config.js";
import type { Records } from "./records.js";
import type { BootCounter } from "./update/boot-counter.js";

/** Options of `Station` and `SafeMode`. */
export interface StationOptions {
  readonly board: Board;
  /** Validated by `configErrors`. */
  readonly config: Config;
  readonly records: Records;
  readonly boots: BootCounter;
  readonly trace: Trace;
}
