/** Builds the commands of package.json that scripts/run.js starts. `npm ci` runs it. */

import { readFileSync } from "node:fs";
import { builtCommand } from "./built-command.js";

const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const entries = Object.values(scripts).flatMap((script) => /scripts\/run\.js (\S+)/.exec(script)?.[1] ?? []);
for (const entry of new Set(entries)) await builtCommand(entry);
