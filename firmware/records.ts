import type { Board } from "../modules/board/index.js";
import { messageOf } from "../modules/errors/index.js";
import { deviceFormat, type RecordFormat, StoredRecord } from "../modules/settings/index.js";
import { updateFormat } from "../modules/updates/index.js";

/** Opens the firmware's records by their formats. */
export interface Records {
  <T>(format: RecordFormat<T>): StoredRecord<T>;
  /**
   * Erases every record except provisioned data and the state of an update: a new firmware still has to be validated.
   * A record that cannot be erased is logged.
   */
  erase(): void;
}

/** Domain of the key-value storage. */
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
        // The other records are erased anyway.
        board.log(`settings: the record "${key}" was not erased: ${messageOf(error)}`);
      }
    }
  };
  return Object.assign(open, { erase });
}
