import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const PANEL = fileURLToPath(new URL("../../../modules/web/panel/built", import.meta.url));

/** Reads a resource of the chip from the folder into which `npm ci` builds it. */
export function readResource(name: string): Uint8Array<ArrayBuffer> | undefined {
  const file = join(PANEL, basename(name));
  return existsSync(file) ? Uint8Array.from(readFileSync(file)) : undefined;
}
