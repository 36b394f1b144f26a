import type { Board } from "../modules/board/index.js";
import { Trace } from "../modules/trace/index.js";
import { type Config, configErrors } from "./config.js";
import { Records } from "./records.js";
import { Station } from "./station.js";
import { BootCounter, restartsFormat } from "./update/boot-counter.js";
import { SafeMode } from "./update/safe-mode.js";

/**
 * Starts the firmware on any board: a station, or safe mode after several crashes in a row and on a
 * board whose wiring is unknown.
 * Throws when the configuration is invalid, with a sentence for each error.
 */
export function startStation(board: Board, config: Config): Station | SafeMode {
  const errors = configErrors(config);
  if (errors.length > 0) throw new Error(errors.join("; "));
  const { resetReason } = board;
  if (resetReason.type !== "power")
    board.log(`station: the previous run ended: ${resetReason.type}: ${resetReason.reason}`);
  const records = new Records(board);
  const boots = new BootCounter({ board, record: records.open(restartsFormat) });
  const options = { board, config, records, boots, trace: new Trace(board) };
  const isSafeModeNeeded = boots.needsSafeMode || board.wiringProblem !== undefined;
  return isSafeModeNeeded ? new SafeMode(options) : new Station(options);
}
