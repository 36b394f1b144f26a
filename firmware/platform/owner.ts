/** Whose the station is: what it keeps for one owner is not for another. */

import type { Board } from "../../modules/board/index.js";
import { textField } from "../../modules/json/index.js";
import type { PairingParameters } from "../../modules/pairing/index.js";
import type { RecordFormat, StoredRecord } from "../../modules/settings/index.js";
import type { Records } from "../records.js";
import { userOf } from "./identity.js";

const MAX_USER_CHARS = 64;

/** The record `owner`: `{v, user}`, the first level of the owner's topics. */
export const ownerFormat: RecordFormat<string> = {
  key: "owner",
  version: 1,
  parse: (fields) => textField(fields, "user", MAX_USER_CHARS),
  format: (user) => ({ user }),
};

export interface OwnerOptions {
  readonly board: Board;
  readonly records: Records;
  /** Deletes everything of the previous owner. Throws if it could not be stored: it is then called again at the next start. */
  readonly forget: () => void;
}

/**
 * Knows for whom the station has kept what it has. New parameters may have come by pairing, by a change of owner, or
 * before a power cut that left no time for more: what counts is that those in use are of another owner.
 */
export class Owner {
  private _options: OwnerOptions;
  private _record: StoredRecord<string>;

  constructor(options: OwnerOptions) {
    this._options = options;
    this._record = options.records(ownerFormat);
  }

  /** Compares the owner of the parameters with the stored one. `isSure`: it is another one, though none is stored. */
  adopt(parameters: PairingParameters, { isSure }: { isSure: boolean }): void {
    const { board, forget } = this._options;
    const before = this._record.read();
    const user = userOf(board.crypto, parameters);
    if (before === user) return;
    try {
      if (before !== undefined || isSure) {
        board.log("station: it has another owner");
        forget();
      }
      this._record.write(user);
    } catch (error) {
      board.log(`owner: not stored: ${error instanceof Error ? error.message : "unknown"}`);
    }
  }
}
