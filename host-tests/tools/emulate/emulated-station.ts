import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { waitFor } from "../cli/wait.js";
import type { Emulator } from "./emulator.js";
import { makeEFuses } from "./flash-image.js";
import { Monitor } from "./monitor.js";

export interface EmulatedStationOptions {
  readonly emulator: Emulator;
  /** File with the flash, which keeps its content between runs. */
  readonly flashFile: string;
  readonly onLog?: (line: string) => void;
  /** Called when the emulator ends by itself. `message` has its output. */
  readonly onEnd?: (message: string) => void;
  /** Port of the HTTP API on loopback; default: a free one. */
  readonly httpPort?: number;
  /** Port of a firmware repository on loopback. The firmware finds it at the address that is built in. */
  readonly firmwarePort?: number;
  /**
   * Counts instructions: each takes 2^N ns of the chip's time, N = 3 is about the speed of the chip. The file receives the
   * emulator's record of the run.
   */
  readonly counting?: { readonly shift: number; readonly recordFile: string };
}

/** Address of the firmware repository for the chip (firmware/boards/emulator/config.ts). */
const FIRMWARE_ENDPOINT = "10.0.2.100:80";

/** Address of this computer for the chip: services on loopback are reachable there. */
export const HOST_ADDRESS = "10.0.2.2";

/** File descriptors of the emulator's lines. */
const CONSOLE_FD = 3;
const CARD_READER_FD = 4;
const MONITOR_FD = 5;
/** Time that the emulator may take to start, or to end after SIGKILL, ms. */
const PROCESS_TIMEOUT_MS = 20_000;
const LINE_TIMEOUT_MS = 30_000;
const MAX_LOG_LINES = 5000;
/** Number of log lines in an error. */
const LINES_IN_ERROR = 60;

/**
 * A station on an emulated ESP32-C3 with its ROM, bootloader, flash, Ethernet and two serial lines. Every wait has a
 * limit, and its error has the end of the log.
 */
export class EmulatedStation {
  /** Lines of the console of all runs. */
  readonly logLines: string[] = [];
  readonly #options: EmulatedStationOptions;
  #run: Run | undefined;
  #mark = 0;

  constructor(options: EmulatedStationOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#run?.isOver === false;
  }

  /** Port on loopback that leads to the HTTP API. */
  get httpPort(): number {
    return this.#running.httpPort;
  }

  get url(): string {
    return `http://127.0.0.1:${this.httpPort}`;
  }

  /** Applies power. Resolves when the chip runs; its firmware has not started then. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error("the emulated station runs already");
    const efuseFile = `${this.#options.flashFile}.efuse`;
    if (!existsSync(efuseFile)) writeFileSync(efuseFile, makeEFuses());
    this.mark();
    const run = new Run(this.#options, argumentsOf(this.#options, efuseFile), (line) =>
      this.#handleLine(line),
    );
    this.#run = run;
    try {
      await run.begin();
    } catch (error) {
      await this.cutPower();
      throw this.#withLog(error);
    }
  }

  /** Cuts the power at this moment: kills the emulator. */
  async cutPower(): Promise<void> {
    await this.#run?.kill();
  }

  /** Sends a command to the bench that the target has on its console, such as `pilot C`. */
  bench(command: string): void {
    this.#running.console.write(`${command}\n`);
  }

  /** Sends a card as the reader does: ten hex digits as an RDM6300 (EM4100), another text as a line. */
  card(id: string): void {
    this.#running.cardReader.write(cardFrame(id));
  }

  clearLog(): void {
    this.logLines.length = 0;
    this.#mark = 0;
  }

  /** Lines before this moment no longer count in `waitFor`. */
  mark(): void {
    this.#mark = this.logLines.length;
  }

  /** Waits for a line of the console since the last `start` or `mark`. */
  async waitFor(line: string | RegExp, timeoutMs = LINE_TIMEOUT_MS): Promise<string> {
    return this.until(`the line ${line}`, () => this.#find(line), timeoutMs);
  }

  /** Waits until `look` has a result. Rejects with the log when it takes too long or the emulator ends. */
  async until<T>(what: string, look: () => T | undefined | false, timeoutMs = LINE_TIMEOUT_MS): Promise<T> {
    try {
      const found = await waitFor(what, () => look() || (this.isRunning ? undefined : ENDED), timeoutMs);
      if (found === ENDED) throw new Error(`the emulator ended before ${what}: ${this.#run?.message ?? ""}`);
      return found as T;
    } catch (error) {
      throw this.#withLog(error);
    }
  }

  /** Number of instructions since the power was applied. Needs `counting`. */
  async instructions(): Promise<number> {
    const answer = await this.#running.monitor.run("info replay");
    const count = /instruction count = (\d+)/.exec(answer)?.[1];
    if (count === undefined) throw new Error(`the emulator does not count instructions: ${answer.trim()}`);
    return Number(count);
  }

  get #running(): Run {
    if (!this.#run || this.#run.isOver) throw new Error("the emulated station does not run");
    return this.#run;
  }

  #find(wanted: string | RegExp): string | undefined {
    const matches = (line: string) =>
      typeof wanted === "string" ? line.includes(wanted) : wanted.test(line);
    return this.logLines.slice(this.#mark).find(matches);
  }

  #handleLine(line: string): void {
    this.logLines.push(line);
    if (this.logLines.length > MAX_LOG_LINES) {
      this.logLines.shift();
      this.#mark = Math.max(0, this.#mark - 1);
    }
    this.#options.onLog?.(line);
  }

  #withLog(error: unknown): Error {
    const lines = this.logLines.slice(-LINES_IN_ERROR).map((line) => `  ${line}`);
    return new Error(`${(error as Error).message}\nlog of the emulated station:\n${lines.join("\n")}`);
  }
}

/** Frame of a card reader (modules/rfid). */
export function cardFrame(id: string): string {
  if (!/^[0-9A-F]{10}$/i.test(id)) return `${id}\r\n`;
  const sum = Buffer.from(id, "hex").reduce((all, byte) => all ^ byte, 0);
  return `\x02${id}${sum.toString(16).padStart(2, "0")}\x03`;
}

const ENDED = Symbol("ended");

/** One run of the chip, from power-on to power cut: a process of the emulator. */
class Run {
  readonly console: Duplex;
  readonly cardReader: Duplex;
  readonly monitor: Monitor;
  httpPort = 0;
  isOver = false;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #output = "";
  #isKilled = false;

  constructor({ emulator, onEnd }: EmulatedStationOptions, words: string[], onLine: (line: string) => void) {
    const stdio = ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe"] as const;
    this.#process = spawn(emulator.program, [...(emulator.words ?? []), ...words], { stdio: [...stdio] });
    const streams = this.#process.stdio as unknown as Duplex[];
    const line = (fd: number) => streams[fd] as Duplex;
    for (const stream of streams) stream?.on("error", () => {});
    for (const fd of [1, 2]) {
      line(fd).on("data", (bytes) => {
        this.#output += bytes;
      });
    }
    this.console = line(CONSOLE_FD);
    this.cardReader = line(CARD_READER_FD);
    this.monitor = new Monitor(line(MONITOR_FD));
    const lines = createInterface({ input: this.console });
    lines.on("line", onLine);
    lines.on("error", () => {});
    this.cardReader.resume();
    // The emulator would outlive this process.
    const killNow = () => this.#process.kill("SIGKILL");
    process.once("exit", killNow);
    this.#ended = new Promise((done) => {
      const end = (message: string) => {
        if (this.isOver) return;
        this.isOver = true;
        process.off("exit", killNow);
        this.#output += message;
        if (!this.#isKilled) onEnd?.(this.message);
        done();
      };
      this.#process.once("error", (error) => end(error.message));
      this.#process.once("close", (code, signal) => end(`it ended with ${signal ?? code}`));
    });
  }

  /** Output of the emulator itself, and how it ended. */
  get message(): string {
    return this.#output.trim();
  }

  async begin(): Promise<void> {
    let sockets: string | undefined;
    this.monitor.run("info usernet").then(
      (answer) => {
        sockets = answer;
      },
      () => {},
    );
    await waitFor("the emulator has started", () => this.isOver || sockets !== undefined, PROCESS_TIMEOUT_MS);
    const port = /HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(sockets ?? "")?.[1];
    if (port === undefined) throw new Error(`the emulator could not start: ${this.message}`);
    this.httpPort = Number(port);
  }

  async kill(): Promise<void> {
    this.#isKilled = true;
    if (!this.isOver) this.#process.kill("SIGKILL");
    await this.#ended;
  }
}

function argumentsOf(options: EmulatedStationOptions, efuseFile: string): string[] {
  const { flashFile, httpPort = 0, firmwarePort, counting } = options;
  const counted = counting && `shift=${counting.shift},rr=record,rrfile=${counting.recordFile}`;
  const lines = [
    [CONSOLE_FD, "console"],
    [CARD_READER_FD, "reader"],
  ] as const;
  return [
    ...["-M", "esp32c3", "-display", "none"],
    ...["-drive", `file=${flashFile},if=mtd,format=raw`],
    ...["-drive", `file=${efuseFile},if=none,format=raw,id=efuse`],
    ...["-global", "driver=nvram.esp32c3.efuse,property=drive,value=efuse"],
    // The emulator's watchdog timers are too fast; idf.py qemu turns them off, too.
    ...["-global", "driver=timer.esp32c3.timg,property=wdt_disable,value=true"],
    ...["-nic", `user,model=open_eth,hostfwd=tcp:127.0.0.1:${httpPort}-:80${forwardTo(firmwarePort)}`],
    ...lines.flatMap(([fd, id]) => ["-chardev", `socket,id=${id},fd=${fd}`, "-serial", `chardev:${id}`]),
    ...["-chardev", `socket,id=monitor,fd=${MONITOR_FD}`, "-mon", "chardev=monitor,mode=control"],
    ...(counted ? ["-icount", counted] : []),
  ];
}

/** Forwards each connection to the firmware repository by a process of Node. The emulator's own forwarding has one connection. */
function forwardTo(firmwarePort: number | undefined): string {
  if (firmwarePort === undefined) return "";
  const relay = `const s=require("net").connect(${firmwarePort},"127.0.0.1");process.stdin.pipe(s).pipe(process.stdout)`;
  const command = `'${process.execPath}' -e '${relay}'`;
  // A comma separates options of the emulator.
  return `,guestfwd=tcp:${FIRMWARE_ENDPOINT}-cmd:${command.replaceAll(",", ",,")}`;
}
