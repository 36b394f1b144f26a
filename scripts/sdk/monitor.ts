/** `npm run monitor`: shows a board's log until Ctrl-C. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { Command } from "commander";
import { fail } from "../../platform-stub/command-line.js";
import { buildEnvironment, checkPort, findIDF, findModdable } from "./tools.js";

/** Baud rate of a release build (CONFIG_ESP_CONSOLE_UART_BAUDRATE). */
const RELEASE_BAUD = "115200";
/** Baud rate of a debug build, which logs to xsbug (DEBUGGER_SPEED of the SDK's makefile). */
const DEBUG_BAUD = "460800";
const XSBUG_PORT = "5002";
/** Exit character of miniterm. It sets the terminal to raw mode, and its default is Ctrl-]. */
const CTRL_C = "3";

new Command("npm run monitor --")
  .description("Shows a board's log until Ctrl-C")
  .requiredOption("--port <device>", "serial port of the board, such as /dev/ttyUSB0")
  .option("--debug", "show the log of a debug build", false)
  .showHelpAfterError()
  .action(monitor)
  .parseAsync()
  .catch(fail);

async function monitor({ port, debug }: { port: string; debug: boolean }): Promise<void> {
  checkPort(port);
  const moddable = findModdable(process.env, process.platform);
  const child = debug ? xsbugLog(port) : miniterm(port);
  const code = await new Promise((done) => child.once("close", done));
  if (code !== 0)
    throw new Error(
      `the monitor failed with ${code}; check that the board is at ${port} and no other program uses it`,
    );

  function xsbugLog(device: string) {
    const env = { ...buildEnvironment(process.env, moddable), XSBUG_PORT, XSBUG_HOST: "localhost" };
    const cwd = join(moddable.folder, "tools", "xsbug-log");
    return spawn("node", ["xsbug-log", "serial2xsbug", device, DEBUG_BAUD, "8N1"], {
      cwd,
      env,
      stdio: "inherit",
    });
  }

  function miniterm(device: string) {
    const script = `. "$0/export.sh" >/dev/null && exec python -m serial.tools.miniterm --raw --exit-char ${CTRL_C} "$@"`;
    const words = [findIDF(process.env).folder, device, RELEASE_BAUD];
    return spawn("bash", ["-c", script, ...words], { stdio: "inherit" });
  }
}
