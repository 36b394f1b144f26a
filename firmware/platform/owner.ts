/** Owner of the stored data: another owner must not see it. */

import type { Board } from "../../modules/board/index.js";
import { messageOf } from "../../modules/errors/index.js";
import { textField } from "../../modules/json/index.js";
import type { PairingParameters } from "../../modules/pairing/index.js";
import type { RecordFormat } from "../../modules/settings/index.js";
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

/**
 * Whether a station has an owner: it was paired, or all of its parameters are built in or provisioned. `parameters` are
 * those with which it starts.
 */
export function isOwned(records: Records, parameters: PairingParameters | undefined): boolean {
  return parameters !== undefined || records.open(ownerFormat).read() !== undefined;
}

export interface AdoptOwnerOptions {
  readonly board: Board;
  readonly records: Records;
  readonly parameters: PairingParameters;
  /** The owner is another one, also if none is stored. */
  readonly isSure: boolean;
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
export function adoptOwner({ board, records, parameters, isSure, forget }: AdoptOwnerOptions): void {
  const record = records.open(ownerFormat);
  const before = record.read();
  const user = userOf(board.crypto, parameters);
  if (before === user) return;
  try {
    if (before !== undefined || isSure) {
      board.log("station: the owner has changed");
      forget();
    }
    record.write(user);
  } catch (error) {
    board.log(`owner: the new owner is not stored: ${messageOf(error)}`);
  }
}
