/** The text of docs/protocol.md, and its test vectors. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/imports.js";

export const PROTOCOL = readFileSync(join(ROOT, "docs/protocol.md"), "utf8");

/** The first group of a pattern in the document. */
export function match(pattern: RegExp): string {
  const found = pattern.exec(PROTOCOL)?.[1];
  if (found === undefined) throw new Error(`docs/protocol.md has nothing like ${pattern}`);
  return found;
}

/** The text of a line `<name>  <text>` of the document. */
export function vector(name: string): string {
  return match(new RegExp(`^${name} +(.+)$`, "m"));
}
