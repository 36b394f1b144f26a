/** `npm run emulate`: runs the firmware of the emulated chip until Ctrl-C. */

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { fail, portOption, print } from "../../../platform-stub/command-line.js";
import { ROOT } from "../../../scripts/sdk/targets.js";
import { onInterrupt, onReaderGone } from "../cli/ending.js";
import { deviceIdOption } from "../cli/options.js";
import { EmulatedStation, HOST_ADDRESS } from "./emulated-station.js";
import { findBuild, findEmulator } from "./emulator.js";
import { flashExists, isOlderThanBuild, readProgram, updateProgram, writeFlash } from "./flash-image.js";
import { identityFor } from "./identity.js";
import { measure } from "./measure.js";

interface Options {
  readonly qemu?: string;
  readonly build?: string;
  readonly flash: string;
  readonly fresh: boolean;
  readonly station?: string;
  readonly provisionFrom?: string;
  readonly deviceId: string;
  readonly httpPort: number;
  readonly firmwarePort?: number;
  readonly measure: boolean;
}

const FLASH_FILE = join(ROOT, "build/emulated-flash.bin");

const program = new Command("npm run emulate --")
  .description(
    "Runs the firmware on an emulated ESP32-C3 with Ethernet, until Ctrl-C. Type pilot A to F for the vehicle, " +
      "card <ten hex digits> for the card reader; host-tests/tools/emulate/README.md lists the other lines",
  )
  .option("--qemu <file>", "the emulator qemu-system-riscv32; default: the one that ESP-IDF installed")
  .option("--build <folder>", "folder of the built images; default: the one of npm run build:esp32c3-qemu")
  .option("--flash <file>", "file with the flash, which is kept between runs", FLASH_FILE)
  .option("--fresh", "begin with the flash of a new board", false)
  .option("--station <file>", "identity of a new board: an .nvs.bin of npm run provision")
  .option("--provision-from <file>", "key and cipher of a new board, from a platform's configuration")
  .option("--device-id <id>", "id of a new board", deviceIdOption, "demo-station")
  .option("--http-port <number>", "port of the HTTP API on this computer; default: a free one", portOption, 0)
  .option("--firmware-port <number>", "port of the platform's firmware repository", portOption)
  .option("--measure", "print a table of memory and instructions, and end", false)
  .showHelpAfterError();

async function run(options: Options): Promise<void> {
  const emulator = findEmulator(process.env, options.qemu);
  const build = findBuild(process.env, options.build);
  if (options.measure) {
    await measure({ emulator, build, print });
    return;
  }
  prepareFlash(options, build);
  const { signal, leave } = ending();
  const station = new EmulatedStation({
    emulator,
    flashFile: options.flash,
    httpPort: options.httpPort,
    firmwarePort: options.firmwarePort,
    onLog: (line) => {
      print(line);
      // The network may have no time server.
      if (line.startsWith("bench: ready")) station.bench(`clock ${Date.now()}`);
    },
    onEnd: (message) => leave(new Error(`the emulator has ended: ${message}`)),
  });
  await station.start();
  print(`HTTP API at ${station.url}; services of this computer are at ${HOST_ADDRESS} for the station`);
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (station.isRunning) obey(line.trim(), station);
  });
  await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
  lines.close();
  process.stdin.destroy();
  await station.cutPower();
  if (signal.reason instanceof Error) throw signal.reason;
}

/** Makes the flash of a new board, or updates the firmware of the one that exists. */
function prepareFlash(options: Options, build: string): void {
  const { flash, fresh } = options;
  if (fresh) {
    rmSync(flash, { force: true });
    rmSync(`${flash}.efuse`, { force: true });
  }
  if (flashExists(flash)) {
    if (options.station !== undefined || options.provisionFrom !== undefined)
      throw new Error(`${flash} has an identity already; use --fresh to begin with a new board`);
    if (!isOlderThanBuild(flash, build)) return;
    updateProgram(flash, build);
    print("the firmware of the latest build is in the flash; the stored data is unchanged");
    return;
  }
  const { id, adminPassword, image } = identityFor(options);
  if (!existsSync(dirname(flash))) mkdirSync(dirname(flash), { recursive: true });
  writeFlash(flash, { program: readProgram(build), identity: image });
  print(`new board ${id}; admin password ${adminPassword}`);
}

function obey(line: string, station: EmulatedStation): void {
  const [, id] = /^card (.+)$/.exec(line) ?? [];
  if (id !== undefined) station.card(id);
  else if (line !== "") station.bench(line);
}

function ending(): { signal: AbortSignal; leave: (reason?: Error) => void } {
  const leaving = new AbortController();
  const leave = (reason?: Error) => leaving.abort(reason ?? "left");
  onInterrupt(() => leave());
  onReaderGone(() => leave());
  return { signal: leaving.signal, leave };
}

program.action(run).parseAsync().catch(fail);
