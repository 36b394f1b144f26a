import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "@swc/core";
import { bundle, type Engine } from "./engine.js";
import type { TestOutcome } from "./jest.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** Where tests of what runs on the chip are. */
const FOLDERS = [
  "modules",
  "firmware",
  "host-tests/virtual-board",
  "host-tests/world",
  "host-tests/simulation",
];

/** The tests that need nothing of Node, the contract suites among them. */
export function portableTests(): string[] {
  const foreign = new Map<string, boolean>();
  return FOLDERS.flatMap(testFiles).filter((file) => !isForeign(file, foreign));
}

/** Runs one test file on XS. */
export async function runSuite(engine: Engine, file: string): Promise<TestOutcome[]> {
  const script = bundle(`
    import "./${file}";
    import { runTests } from "./host-tests/xs/jest.ts";
    globalThis.suite = () => runTests().then(report);
  `);
  await engine.evaluate(script);
  const { reports } = await engine.evaluate("suite()");
  return reports[0] as TestOutcome[];
}

function testFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.split(sep).join("/")))
    .filter((name) => name.endsWith(".test.ts"))
    .sort();
}

/** A file that imports something beyond the project, @noble's cryptography and jest, itself or by what it imports. */
function isForeign(file: string, known: Map<string, boolean>): boolean {
  const before = known.get(file);
  if (before !== undefined) return before;
  known.set(file, false);
  const result = specifiersOf(file).some((specifier) => {
    if (!specifier.startsWith(".")) return !/^(@jest\/globals$|@noble\/)/.test(specifier);
    const target = posix.join(posix.dirname(file), specifier);
    const source = target.replace(/\.js$/, ".ts");
    return target.endsWith("/mqtt-packet.js") ? false : isForeign(source, known);
  });
  known.set(file, result);
  return result;
}

function specifiersOf(file: string): string[] {
  const { body } = parseSync(readFileSync(join(ROOT, file), "utf8"), {
    syntax: "typescript",
    target: "es2022",
  });
  return body.flatMap((node) => {
    const isTypeOnly = "typeOnly" in node && node.typeOnly === true;
    const source = "source" in node ? (node.source as { value: string } | null) : null;
    return source && !isTypeOnly ? [source.value] : [];
  });
}
