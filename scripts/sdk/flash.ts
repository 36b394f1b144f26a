/** `npm run flash`: writes a built firmware and optionally the identity of a station to a board. */

import { spawn } from "node:child_process";
import { Command } from "commander";
import { fail } from "../../platform-stub/command-line.js";
import { binFolder } from "./bin-folder.js";
import { checkPermanence, type FlashFilesOptions, flashFiles } from "./flash-files.js";
import { targetOf } from "./targets.js";
import { checkPort, findIDF, findModdable } from "./tools.js";

interface FlashOptions extends FlashFilesOptions {
  readonly port: string;
  readonly permanent: boolean;
}

async function flash(options: FlashOptions): Promise<void> {
  checkPort(options.port);
  checkPermanence(options, options);
  const moddable = findModdable(process.env, process.platform);
  const { folder } = findIDF(process.env);
  const files = flashFiles(options, binFolder(moddable, options.target, options.debug));
  const words = [
    ...["--chip", options.target.chip?.name ?? "", "--port", options.port, "write-flash"],
    ...files.flatMap(([offset, file]) => [`0x${offset.toString(16)}`, file]),
  ];
  // The paths are arguments of the script, so that the shell does not interpret them.
  const script = `. "$0/export.sh" >/dev/null && exec python -m esptool "$@"`;
  const child = spawn("bash", ["-c", script, folder, ...words], { stdio: "inherit" });
  const code = await new Promise((done) => child.once("close", done));
  if (code !== 0)
    throw new Error(
      `esptool failed with ${code}; check that the board is at ${options.port} and no other program uses it`,
    );
  if (options.station === undefined) process.stdout.write("the stored data of the board is unchanged\n");
  process.stdout.write(`done; npm run monitor -- --port ${options.port} shows its log\n`);
}

new Command("npm run flash --")
  .description("Writes a built firmware to a board")
  .requiredOption("--port <device>", "serial port of the board, such as /dev/ttyUSB0")
  .option(
    "--target <name>",
    "esp32, esp32-signed, esp32-ethernet, esp32c3, esp32c3-signed, esp32c3-ethernet or esp32s3",
    targetOf,
    targetOf("esp32"),
  )
  .option(
    "--station <file>",
    "identity for the board: an .nvs.bin of npm run provision; erases the stored data",
  )
  .option("--nvs-keys <file>", "keys of the encrypted identity, of npm run encrypt; esp32-signed only")
  .option("--permanent", "accept that a board with secure boot cannot be flashed again", false)
  .option("--debug", "flash a debug build", false)
  .showHelpAfterError()
  .action(flash)
  .parseAsync()
  .catch(fail);
