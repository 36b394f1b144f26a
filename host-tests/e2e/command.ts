import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitFor } from "../cli/wait.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** What somebody sees who runs one of the commands. */
export class Command {
  /** Ends with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
  readonly process: ChildProcess;
  output = "";

  /** Runs a command's file under `host-tests/cli`, its input open unless told. */
  constructor(
    file: string,
    words: readonly string[],
    { input = "pipe" }: { input?: "pipe" | "ignore" } = {},
  ) {
    this.process = spawn(process.execPath, ["scripts/run.js", join("host-tests/cli", file), ...words], {
      cwd: ROOT,
      stdio: [input, "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (bytes) => {
        this.output += bytes;
      });
    }
    this.ended = new Promise((done) => this.process.once("close", (code, signal) => done(signal ?? code)));
  }

  async says(text: string): Promise<void> {
    await waitFor(`"${text}" in: ${this.output}`, () => this.output.includes(text));
  }

  type(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }
}
