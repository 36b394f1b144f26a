/** Parts of the commands: output, failure and an option. */

import { InvalidArgumentError } from "commander";
import { oneLine } from "./one-line.js";

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints lines that may have text from untrusted sources. */
export function printLines(...lines: string[]): void {
  for (const line of lines) print(oneLine(line));
}

/** Prints the error's message and sets exit code 1. The process exits when nothing keeps it alive. */
export function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : "something failed"}\n`);
  process.exitCode = 1;
}

/** Parses a TCP port. */
export function portOption(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("a port is 0-65535");
  return port;
}
