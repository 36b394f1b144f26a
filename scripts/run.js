/** `node scripts/run.js <file.ts> [arguments]`: runs a command of this project from its build, and builds it if necessary. */

import { pathToFileURL } from "node:url";
import { builtCommand } from "./built-command.js";

// Remove this script from the arguments, so that the command finds its own as if Node ran it directly.
process.argv.splice(1, 1);
const [, entry] = process.argv;
if (entry === undefined) throw new Error("usage: node scripts/run.js <file.ts> [arguments]");
const script = await builtCommand(entry);
process.setSourceMapsEnabled(true);
await import(pathToFileURL(script).href);
