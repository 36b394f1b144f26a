import type { Board } from "../modules/board/index.js";
import { type RecordFormat, StoredRecord } from "../modules/settings/index.js";

/** The firmware's records, by their formats. */
export type Records = <T>(format: RecordFormat<T>) => StoredRecord<T>;

const STORAGE_PATH = "plugpass";

export function openRecords(board: Board): Records {
  const storage = board.openStorage(STORAGE_PATH);
  return (format) => new StoredRecord({ storage, format, report: (line) => board.log(line) });
}
