/** Runs the SDK's linker with the same arguments, and lets its output use the code in flash where it is. */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeInPlace, readOpcodes } from "./code-in-place.js";
import { findModdable } from "./tools.js";

const moddable = findModdable(process.env, process.platform);
const words = process.argv.slice(2);
const { status, error } = spawnSync(join(moddable.bin, "xsl"), words, { stdio: "inherit" });
if (error) throw error;
if (status !== 0) process.exit(status ?? 1);
const output = words[words.indexOf("-o") + 1];
if (output === undefined) throw new Error("the linker got no folder for its output (-o)");
const file = join(output, "mc.xs.c");
const opcodes = readOpcodes(readFileSync(join(moddable.folder, "xs/sources/xsCommon.c"), "utf8"));
writeFileSync(file, codeInPlace(readFileSync(file, "latin1"), opcodes), "latin1");
