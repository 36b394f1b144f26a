import type { Board } from "../modules/board/index.js";
import { deviceFormat, type RecordFormat, StoredRecord } from "../modules/settings/index.js";
import { updateFormat } from "../modules/updates/index.js";

/** The firmware's records, by their formats. */
export interface Records {
  <T>(format: RecordFormat<T>): StoredRecord<T>;
  /** Everything goes but what was provisioned, and what is known of an update: new firmware has still to prove itself. */
  erase(): void;
}

const STORAGE_PATH = "plugpass";
const KEPT = [deviceFormat.key, updateFormat.key];

export function openRecords(board: Board): Records {
  const storage = board.openStorage(STORAGE_PATH);
  const open = <T>(format: RecordFormat<T>) =>
    new StoredRecord({ storage, format, report: (line) => board.log(line) });
  const erase = () => {
    for (const key of storage.keys()) {
      if (KEPT.includes(key)) continue;
      try {
        storage.delete(key);
      } catch (error) {
        // What can be erased is.
        const why = error instanceof Error ? error.message : "unknown";
        board.log(`settings: the record "${key}" was not erased: ${why}`);
      }
    }
  };
  return Object.assign(open, { erase });
}
