import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

const ATOM_HEAD_BYTES = 8;

/** Returns the bytecode size of this project's modules in a folder of compiled modules, without names and maps. */
export function ownBytecodeBytes(folder: string): number {
  let sum = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = name.split(sep).join("/");
    if (path.endsWith(".xsb") && /^(modules|firmware)\//.test(path))
      sum += codeBytes(readFileSync(join(folder, name)));
  }
  return sum;
}

/**
 * Returns the size of the CODE atoms of an .xsb file. The file is an atom that contains atoms. Each begins with its size,
 * head included, big endian, and a name of four characters.
 */
function codeBytes(file: Buffer): number {
  let sum = 0;
  for (let at = ATOM_HEAD_BYTES; at + ATOM_HEAD_BYTES <= file.length; ) {
    const size = file.readUInt32BE(at);
    if (size < ATOM_HEAD_BYTES) throw new Error("an .xsb file is damaged; build again");
    if (file.toString("latin1", at + 4, at + ATOM_HEAD_BYTES) === "CODE") sum += size - ATOM_HEAD_BYTES;
    at += size;
  }
  return sum;
}
