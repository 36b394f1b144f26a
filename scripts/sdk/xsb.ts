import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

const ATOM_HEAD_BYTES = 8;

/** Bytecode of the modules of ours in a folder of what xsc made: its CODE atoms, without names and maps. */
export function ownBytecodeBytes(folder: string): number {
  let sum = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = name.split(sep).join("/");
    if (path.endsWith(".xsb") && /^(modules|firmware)\//.test(path))
      sum += codeBytes(readFileSync(join(folder, name)));
  }
  return sum;
}

/** An .xsb file is an atom of atoms: each has its size with its head, big endian, and a name of four characters. */
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
