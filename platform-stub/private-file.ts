import { chmodSync, writeFileSync } from "node:fs";

const OWNER_ONLY = 0o600;

/** Writes a file that only its owner can read, also in place of an existing one that others could. */
export function writePrivateFile(file: string, text: string): void {
  writeFileSync(file, text, { mode: OWNER_ONLY });
  chmodSync(file, OWNER_ONLY);
}
