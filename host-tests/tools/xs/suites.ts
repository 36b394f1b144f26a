import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { ROOT, targetOf, valueImports } from "../imports.js";
import { bundle, type Engine } from "./engine.js";
import type { TestOutcome } from "./jest.js";

/** Where tests of what runs on the chip are. */
const FOLDERS = [
  "modules",
  "firmware",
  "host-tests/suites/board",
  "host-tests/suites/world",
  "host-tests/suites/radio",
  "host-tests/suites/simulation",
];

/** A fleet of 500 stations takes an interpreter minutes. */
const TOO_LONG = ["host-tests/suites/simulation/fleet-update.test.ts"];

/** The tests that need nothing of Node, the contract suites among them. */
export function portableTests(): string[] {
  const foreign = new Map<string, boolean>();
  return FOLDERS.flatMap(testFiles).filter(
    (file) => !TOO_LONG.includes(file) && !isForeign(file, foreign) && !replacesModules(file),
  );
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

/** A test that puts fakes in the place of the SDK's modules: only jest does that. */
function replacesModules(file: string): boolean {
  return readFileSync(join(ROOT, file), "utf8").includes("unstable_mockModule");
}

/** A file that imports something beyond the project, @noble's cryptography and jest, itself or by what it imports. */
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
