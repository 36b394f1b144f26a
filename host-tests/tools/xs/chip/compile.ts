/** Compiles XS with the chip's limits, from the sources that @agoric/xsnap brings, for a 32-bit host. */

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const OWN_FOLDER = fileURLToPath(new URL(".", import.meta.url));
const PACKAGE = join(ROOT, "node_modules/@agoric/xsnap");
const XS = join(PACKAGE, "moddable/xs");
const COMPILER = "cc";
/** Functions whose calls the linker redirects to pool.c. */
const WRAPPED = ["fxNewSlot", "fxNewChunk", "fxNewGrowableChunk"];
/** Sources of the engine that are left out: snapshots, the other C interface, and what defaults.c includes. */
const LEFT_OUT = new Set(["xsSnapshot.c", "xsmc.c", "xsDefaults.c"]);
/** Compiler options of the whole program. The SDK's build for the chip has none of the engine's other options either. */
const OPTIONS = [
  "-m32",
  "-O1",
  "-fno-common",
  "-DINCLUDE_XSPLATFORM",
  '-DXSPLATFORM="platform.h"',
  "-DmxParse=1",
  "-DmxRun=1",
  "-DmxNoConsole=1",
  // Default of the SDK's current version, not of the package's: a full stack is noticed.
  "-DmxBoundsCheck=1",
  ...[OWN_FOLDER, ...["includes", "platforms", "sources"].map((name) => join(XS, name))].map(
    (path) => `-I${path}`,
  ),
];

export const HOW_TO_GET_CHIP =
  "XS with the chip's limits was not compiled: it needs npm's @agoric/xsnap, and a C compiler for 32-bit programs (Debian: apt-get install gcc-multilib)";

/** Whether the sources of XS and a compiler for 32-bit programs are installed. */
export function canCompileChip(): boolean {
  if (!existsSync(join(XS, "sources/xsAll.c"))) return false;
  const { status } = spawnSync(COMPILER, ["-m32", "-x", "c", "-", "-o", "/dev/null"], {
    input: "#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n",
    stdio: ["pipe", "ignore", "ignore"],
  });
  return status === 0;
}

/** Returns the path of the program. Compiles it when a source, the compiler or the package has changed. */
export async function compileChip(): Promise<string> {
  const sources = [
    ...readdirSync(join(XS, "sources"))
      .filter((name) => name.endsWith(".c") && !LEFT_OUT.has(name))
      .map((name) => join(XS, "sources", name)),
    ...readdirSync(OWN_FOLDER)
      .filter((name) => name.endsWith(".c"))
      .map((name) => join(OWN_FOLDER, name)),
  ];
  const folder = join(ROOT, "build/xs-chip");
  const program = join(folder, `xs-chip-${digest()}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, "work-"));
  try {
    const objects = await compileAll(sources, work);
    const linked = join(work, "xs-chip");
    await run([
      "-m32",
      ...objects,
      ...WRAPPED.map((name) => `-Wl,--wrap=${name}`),
      "-lm",
      "-lpthread",
      "-o",
      linked,
    ]);
    renameSync(linked, program);
  } finally {
    rmSync(work, { recursive: true });
  }
  return program;
}

/** Compiles sources, as many at once as there are processors. Returns the object files. */
async function compileAll(sources: readonly string[], folder: string): Promise<string[]> {
  const waiting = [...sources];
  const objects: string[] = [];
  async function work(): Promise<void> {
    for (let source = waiting.pop(); source !== undefined; source = waiting.pop()) {
      const object = join(folder, `${basename(source)}.o`);
      const warnings = source.startsWith(OWN_FOLDER) ? ["-Wall", "-Werror"] : ["-w"];
      await run([...OPTIONS, ...warnings, "-c", source, "-o", object]);
      objects.push(object);
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return objects.sort();
}

async function run(words: readonly string[]): Promise<void> {
  const child = spawn(COMPILER, words, { stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", done);
  });
  if (code !== 0) throw new Error(`${COMPILER} failed with ${code}: ${words.at(-3)}`);
}

/** Digest of all that the program is made of. */
function digest(): string {
  const hash = createHash("sha256");
  hash.update(readFileSync(join(PACKAGE, "package.json")));
  hash.update(spawnSync(COMPILER, ["--version"]).stdout);
  hash.update(JSON.stringify([OPTIONS, WRAPPED]));
  for (const name of readdirSync(OWN_FOLDER).sort()) {
    if (/\.[ch]$/.test(name)) hash.update(readFileSync(join(OWN_FOLDER, name)));
  }
  return hash.digest("hex").slice(0, 16);
}
