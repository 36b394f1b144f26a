import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PROCESS = fileURLToPath(new URL("engine-process.js", import.meta.url));
/** Path from the project's root. */
const JEST = "host-tests/tools/xs/jest.ts";
const MAX_BUNDLE_BYTES = 2 ** 26;

/** Outcome and cost of a script. */
export interface Evaluation {
  /** Values passed to `report`. */
  readonly reports: readonly unknown[];
  /** Number of executed bytecodes; the same on every run. */
  readonly bytecodes: number;
  /** Heap slots in use after the script. A slot has 16 bytes on the ESP32. */
  readonly slots: number;
}

/** Tests that take an interpreter more than a minute. */
const TOO_LONG = [
  "100,000 messages take packet identifiers again and again, never one that is in flight",
  "once a day, at the time that is set and up to 30 minutes later",
  "goes to its slot as it comes: the sender is held back while the flash is busy",
];

/** Defines `report`, which sends a value to the host. */
const PRELUDE = `
  globalThis.report = (value) => issueCommand(new TextEncoder().encode(JSON.stringify(value ?? null)).buffer);
  globalThis.fuzzRuns = 500;
  globalThis.tooLong = ${JSON.stringify(TOO_LONG)};
`;

export const HOW_TO_GET_XS =
  "the XS engine is not installed; npm ci builds it (@agoric/xsnap) where there are make and a C compiler";

/** Folder with xsnap's worker by the host's name in the SDK (`src/xsnap.js` of the package). */
const WORKER_FOLDERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { linux: "lin", darwin: "mac" };

/**
 * Whether the worker's binary exists. The package alone is not sufficient: its install script, which compiles
 * the worker, may have been blocked or have failed.
 */
export function isXSInstalled(root = ROOT, system = process.platform): boolean {
  const folder = WORKER_FOLDERS[system];
  if (folder === undefined) return false;
  const build = join(root, "node_modules", "@agoric", "xsnap", "xsnap-native", "xsnap", "build");
  return existsSync(join(build, "bin", folder, "release", "xsnap-worker"));
}

/** One XS machine. Scripts share its `globalThis`. */
export class Engine {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#process = child;
    this.#lines = createInterface({ input: child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
    child.stderr.pipe(process.stderr);
  }

  static async start(): Promise<Engine> {
    const engine = new Engine(spawn(process.execPath, [PROCESS], { cwd: ROOT }));
    await engine.evaluate(PRELUDE);
    return engine;
  }

  /** Runs a script. Rejects with the error that the script throws. */
  evaluate(source: string): Promise<Evaluation> {
    return this.#send({ source });
  }

  /** Returns a snapshot of the machine, after a collection. */
  async snapshot(): Promise<Buffer> {
    const folder = mkdtempSync(join(tmpdir(), "plugpass-xs-"));
    try {
      const snapshotFile = join(folder, "snapshot");
      await this.#send({ snapshotFile });
      return readFileSync(snapshotFile);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async #send(command: { source: string } | { snapshotFile: string }): Promise<Evaluation> {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("the XS process ended");
    const answer = JSON.parse(value) as Evaluation & { error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  close(): void {
    this.#lines.close();
    this.#process.stdin.end();
  }
}

/**
 * Bundles `entry` with all its imports into one script, for an engine without modules. Tests get a small
 * jest.
 */
export function bundle(entry: string): string {
  const { status, stdout, stderr } = spawnSync(
    join(ROOT, "node_modules", ".bin", "esbuild"),
    [
      "--bundle",
      "--format=iife",
      "--platform=neutral",
      "--main-fields=module,main",
      "--loader=ts",
      `--alias:@jest/globals=./${JEST}`,
    ],
    { cwd: ROOT, input: entry, encoding: "utf8", maxBuffer: MAX_BUNDLE_BYTES },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
