import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";

interface Question {
  readonly done: (answer: string) => void;
  readonly failed: (error: Error) => void;
}

/** The emulator's own console over its JSON protocol (QMP): one answer for each command, in order. */
export class Monitor {
  readonly #stream: Duplex;
  readonly #questions: Question[] = [];

  constructor(stream: Duplex) {
    this.#stream = stream;
    const lines = createInterface({ input: stream });
    lines.on("line", (line) => this.#handleLine(line));
    // It repeats the errors of the stream, which are followed by its end.
    lines.on("error", () => {});
    stream.on("close", () => this.#handleClose());
    // The command that leaves this mode has to be the first.
    this.#send({ execute: "qmp_capabilities" }).catch(() => {});
  }

  /** Runs a command of the console. Rejects when the emulator ends. */
  run(commandLine: string): Promise<string> {
    return this.#send({ execute: "human-monitor-command", arguments: { "command-line": commandLine } });
  }

  #send(command: object): Promise<string> {
    return new Promise((done, failed) => {
      this.#questions.push({ done, failed });
      this.#stream.write(`${JSON.stringify(command)}\n`);
    });
  }

  #handleLine(line: string): void {
    const message = JSON.parse(line) as { return?: unknown; error?: { desc?: string } };
    // Greeting and events are not answers.
    if (message.return === undefined && message.error === undefined) return;
    const question = this.#questions.shift();
    if (message.error) question?.failed(new Error(`the emulator refused a command: ${message.error.desc}`));
    else question?.done(String(message.return));
  }

  #handleClose(): void {
    for (const { failed } of this.#questions.splice(0)) failed(new Error("the emulator has ended"));
  }
}
