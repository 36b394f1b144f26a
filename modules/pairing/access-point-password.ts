import type { Board } from "../board/index.js";
import { textField } from "../json/index.js";
import type { RecordFormat, StoredRecord } from "../settings/index.js";
import { generatePassword } from "../web/index.js";

/** Length of a generated password: 60 bits of entropy. */
const PASSWORD_CHARS = 12;

/** The record `access-point`: the password that the station has generated. */
export const accessPointFormat: RecordFormat<string> = {
  key: "access-point",
  version: 1,
  parse: (fields) => {
    const password = textField(fields, "password", PASSWORD_CHARS);
    return password?.length === PASSWORD_CHARS ? password : undefined;
  },
  format: (password) => ({ password }),
};

/**
 * Returns the password of the access point of a station that has no provisioned one. The station generates it at its
 * first start, and logs it once.
 */
export function accessPointPassword(
  board: Pick<Board, "crypto" | "log">,
  record: StoredRecord<string>,
): string {
  const stored = record.read();
  if (stored !== undefined) return stored;
  const password = generatePassword(board.crypto, PASSWORD_CHARS);
  board.log(`pairing: the password of the access point is ${password}; it is not shown again`);
  const problem = record.tryWrite(password);
  if (problem !== undefined) {
    board.log(
      `pairing: the password of the access point could not be stored and changes at the next start: ${problem}`,
    );
  }
  return password;
}
