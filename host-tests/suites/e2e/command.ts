import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitFor } from "../../tools/cli/wait.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** A running command of the project with its output. */
export class Command {
  readonly process: ChildProcess;
  output = "";
  #ended: number | string | undefined;

  /** Runs a file under `host-tests/tools`. Its input stays open by default. */
  constructor(
    file: string,
    words: readonly string[],
    { input = "pipe" }: { input?: "pipe" | "ignore" } = {},
  ) {
    this.process = spawn(process.execPath, ["scripts/run.js", join("host-tests/tools", file), ...words], {
      cwd: ROOT,
      stdio: [input, "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (bytes) => {
        this.output += bytes;
      });
    }
    this.process.once("close", (code, signal) => {
      this.#ended = signal ?? code ?? "unknown";
    });
  }

  /**
   * Resolves with the exit code, or the signal that ended the command. Kills a command that does not end in time, and
   * rejects with its output.
   */
  async ended(timeoutMs = 30_000): Promise<number | string> {
    try {
      return await waitFor("the command has ended", () => this.#ended, timeoutMs);
    } catch (error) {
      this.process.kill("SIGKILL");
      throw new Error(`${(error as Error).message}; its output:\n${this.output}`);
    }
  }

  async waitForOutput(text: string): Promise<void> {
    try {
      await waitFor(`"${text}" in the output`, () => this.output.includes(text));
    } catch (error) {
      throw new Error(`${(error as Error).message}; the output is:\n${this.output}`);
    }
  }

  type(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }
}
