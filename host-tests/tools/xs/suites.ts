import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { ROOT, targetOf, valueImports } from "../imports.js";
import { bundle, type Engine } from "./engine.js";
import type { TestOutcome } from "./jest.js";

/** Folders with tests of code that runs on the chip. */
const FOLDERS = [
  "modules",
  "firmware",
  "host-tests/suites/board",
  "host-tests/suites/world",
  "host-tests/suites/radio",
  "host-tests/suites/simulation",
];

/** Tests that run without Node, including the contract suites. */
export function portableTests(): string[] {
  const foreign = new Map<string, boolean>();
  return FOLDERS.flatMap(testFiles).filter((file) => !isForeign(file, foreign) && !replacesModules(file));
}

/** Runs one test file on XS. */
export async function runSuite(engine: Engine, file: string): Promise<TestOutcome[]> {
  const script = bundle(`
    import "./${file}";
    import { runTests } from "./host-tests/tools/xs/jest.ts";
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

/** Whether a test replaces the SDK's modules by fakes, which only jest can do. */
function replacesModules(file: string): boolean {
  return readFileSync(join(ROOT, file), "utf8").includes("unstable_mockModule");
}

/** Whether a file depends on a package other than @noble's cryptography and jest, directly or indirectly. */
function isForeign(file: string, known: Map<string, boolean>): boolean {
  const before = known.get(file);
  if (before !== undefined) return before;
  known.set(file, false);
  const result = valueImports(file).some((specifier) => {
    if (!specifier.startsWith(".")) return !/^(@jest\/globals$|@noble\/)/.test(specifier);
    return isForeign(targetOf(file, specifier), known);
  });
  known.set(file, result);
  return result;
}
