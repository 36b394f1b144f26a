/** Owner of the stored data: another owner must not see it. */

import type { Board } from "../../modules/board/index.js";
import { messageOf } from "../../modules/errors/index.js";
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
  /**
   * Deletes everything of the previous owner. Throws if the deletion cannot be stored; it is then called again at the
   * next start.
   */
  readonly forget: () => void;
}

/**
 * Detects a new owner and deletes the data of the previous one. It compares the owner of the parameters in use with the
 * stored owner, so that it does not matter how the parameters came: by pairing, by a transfer, or before a power cut
 * that prevented the deletion.
 */
export class Owner {
  private readonly _options: OwnerOptions;
  private readonly _record: StoredRecord<string>;

  constructor(options: OwnerOptions) {
    this._options = options;
    this._record = options.records(ownerFormat);
  }

  /** Compares the owner of the parameters with the stored one. `isSure`: it is another one, also if none is stored. */
  adopt(parameters: PairingParameters, { isSure }: { isSure: boolean }): void {
    const { board, forget } = this._options;
    const before = this._record.read();
    const user = userOf(board.crypto, parameters);
    if (before === user) return;
    try {
      if (before !== undefined || isSure) {
        board.log("station: the owner has changed");
        forget();
      }
      this._record.write(user);
    } catch (error) {
      board.log(`owner: the new owner is not stored: ${messageOf(error)}`);
    }
  }
}
