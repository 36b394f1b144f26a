import type { Board, Storage } from "../modules/board/index.js";
import { messageOf } from "../modules/errors/index.js";
import { accessPointFormat } from "../modules/pairing/index.js";
import { keyFormat } from "../modules/requests/index.js";
import {
  CLIENT_CERTIFICATE_KEY,
  CLIENT_KEY_KEY,
  deviceFormat,
  type RecordFormat,
  type RecordSource,
  StoredRecord,
} from "../modules/settings/index.js";
import { updateFormat } from "../modules/updates/index.js";
import { WIRED_KEY } from "../modules/wiring/index.js";

/** Domain of the key-value storage. */
export const STORAGE_PATH = "plugpass";
const KEPT = [
  deviceFormat.key,
  WIRED_KEY,
  CLIENT_CERTIFICATE_KEY,
  CLIENT_KEY_KEY,
  keyFormat.key,
  updateFormat.key,
  accessPointFormat.key,
];

/** Opens the firmware's records by their formats. */
export class Records implements RecordSource {
  private readonly _board: Board;
  private readonly _storage: Storage;

  constructor(board: Board) {
    this._board = board;
    this._storage = board.openStorage(STORAGE_PATH);
  }

  open<T>(format: RecordFormat<T>): StoredRecord<T> {
    return new StoredRecord({ storage: this._storage, format, board: this._board });
  }

  /**
   * Erases every record except provisioned data, the response key in use, the access point's password, which was logged
   * once, and the state of an update: a new firmware still has to be validated.
   * A record that cannot be erased is logged.
   */
  erase(): void {
    for (const key of this._storage.keys()) {
      if (KEPT.includes(key)) continue;
      try {
        this._storage.delete(key);
      } catch (error) {
        // The other records are erased anyway.
        this._board.log(`settings: the record "${key}" was not erased: ${messageOf(error)}`);
      }
    }
  }
}
