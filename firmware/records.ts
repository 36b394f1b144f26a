import type { Board } from "../modules/board/index.js";
import { deviceFormat, type RecordFormat, StoredRecord } from "../modules/settings/index.js";

/** The firmware's records, by their formats. */
export interface Records {
  <T>(format: RecordFormat<T>): StoredRecord<T>;
  /** Everything goes but what was provisioned. */
  erase(): void;
}

const STORAGE_PATH = "plugpass";

export function openRecords(board: Board): Records {
  const storage = board.openStorage(STORAGE_PATH);
  const open = <T>(format: RecordFormat<T>) =>
    new StoredRecord({ storage, format, report: (line) => board.log(line) });
  const erase = () => {
    for (const key of storage.keys()) if (key !== deviceFormat.key) storage.delete(key);
  };
  return Object.assign(open, { erase });
}
