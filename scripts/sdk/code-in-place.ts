/**
 * Changes the linker's output, so that preloaded functions use their closures' code and their strings where they are, in
 * flash. The SDK's linker (`fxMapCode` in xslBase.c, 8.2.3) does that for all modules but preloaded ones: each of their
 * closures and each evaluated string would be copied into the engine's memory.
 */

/** Table of bytecodes in the SDK's sources, and its items. */
const TABLE = /\bgxCodeSizes\[[^\]]*\][^{]*\{([^}]*)\}/;
const ITEM = /(-?\d+) \/\* XS_(\w+) \*\//g;
/** Code of a preloaded function in the linker's output. */
const FUNCTION =
  /(\.kind = XS_CODE_X_KIND\}, \.value = \{ \.code = \{ \(txByte\*\)")((?:\\x[0-9a-f]{2})*)(?=")/g;
/** Bytecodes that copy what follows them, and have a twin that does not: `CODE_STRING_1`, `CODE_STRING_ARCHIVE_1`. */
const COPYING = /^CODE_(CODE|STRING)_([124])$/;
/** Length of a bytecode and an identifier. */
const ID_BYTES = 1 + 2;

export interface Opcodes {
  /** Length of each bytecode; 0: an identifier follows; -1, -2 and -4: a length of so many bytes, and as many bytes more. */
  readonly sizes: readonly number[];
  /** Bytecodes that copy, and their twins. */
  readonly twins: ReadonlyMap<number, number>;
}

/** Reads the bytecodes from the SDK's xsCommon.c. */
export function readOpcodes(source: string): Opcodes {
  const items = [...(TABLE.exec(source)?.[1] ?? "").matchAll(ITEM)];
  const names = items.map(([, , name = ""]) => name);
  const twins = new Map<number, number>();
  for (const [code, name] of names.entries()) {
    const twin = names.indexOf(name.replace(COPYING, "CODE_$1_ARCHIVE_$2"));
    if (COPYING.test(name) && twin >= 0) twins.set(code, twin);
  }
  if (twins.size !== 6) throw new Error("the SDK's xsCommon.c has other bytecodes than expected");
  return { sizes: items.map(([, size]) => Number(size)), twins };
}

/** Returns the linker's mc.xs.c with the bytecodes that do not copy. */
export function codeInPlace(source: string, opcodes: Opcodes): string {
  return source.replace(FUNCTION, (_, start: string, text: string) => {
    const code = Buffer.from(text.replaceAll("\\x", ""), "hex");
    replaceCopying(code, opcodes);
    return start + code.toString("hex").replace(/../g, "\\x$&");
  });
}

/** A closure's code is within that of its function. */
function replaceCopying(code: Buffer, { sizes, twins }: Opcodes): void {
  let at = 0;
  while (at < code.length) {
    const opcode = code[at] as number;
    const size = sizes[opcode];
    if (size === undefined) throw new Error(`the linker wrote an unknown bytecode, ${opcode}`);
    code[at] = twins.get(opcode) ?? opcode;
    if (size > 0) at += size;
    else if (size === 0) at += ID_BYTES;
    else at += 1 - size + code.readUIntLE(at + 1, -size);
  }
  if (at > code.length) throw new Error("the linker wrote a bytecode that does not end");
}
