/** Finds the vendor's emulator of the chip and the firmware that it runs. */

import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { binFolder } from "../../../scripts/sdk/bin-folder.js";
import { targetOf } from "../../../scripts/sdk/targets.js";
import { type Environment, findModdable } from "../../../scripts/sdk/tools.js";

/** The build target that runs in the emulator. */
export const EMULATED_TARGET = targetOf("esp32c3-qemu");

const PROGRAM = "qemu-system-riscv32";
/** Environment variables of this command and of its tests. */
const PROGRAM_VARIABLE = "PLUGPASS_QEMU";
const BUILD_VARIABLE = "PLUGPASS_EMULATED_BUILD";

export interface Emulator {
  readonly program: string;
  /** Arguments before those of the station. */
  readonly words?: readonly string[];
}

/**
 * Finds the emulator: the given file, `$PLUGPASS_QEMU`, the search path, or the folder of ESP-IDF's tools. Throws a message
 * for people if it is missing.
 */
export function findEmulator(environment: Environment, file = environment[PROGRAM_VARIABLE]): Emulator {
  if (file !== undefined) {
    if (!existsSync(file)) throw new Error(`the emulator ${file} does not exist`);
    return { program: file };
  }
  const folders = (environment.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const program = [...folders, ...toolFolders(environment)]
    .map((folder) => join(folder, PROGRAM))
    .find((one) => existsSync(one));
  if (program === undefined) {
    throw new Error(
      `the emulator ${PROGRAM} is not installed; ESP-IDF (docs/flashing.md) installs it: ` +
        "python $IDF_PATH/tools/idf_tools.py install qemu-riscv32; or name one with --qemu",
    );
  }
  return { program };
}

/** Folders in which ESP-IDF installs the emulator, the newest version first. */
function toolFolders({ IDF_TOOLS_PATH }: Environment): string[] {
  const folder = join(IDF_TOOLS_PATH || join(homedir(), ".espressif"), "tools", "qemu-riscv32");
  if (!existsSync(folder)) return [];
  const versions = readdirSync(folder).sort().reverse();
  return versions.map((version) => join(folder, version, "qemu", "bin"));
}

/**
 * Finds the folder of the built images: the given one, `$PLUGPASS_EMULATED_BUILD`, or the one of `npm run
 * build:esp32c3-qemu`. Throws a message for people if there is no build.
 */
export function findBuild(environment: Environment, folder = environment[BUILD_VARIABLE]): string {
  const found = folder ?? builtFolder(environment);
  if (found === undefined || !existsSync(join(found, "xs_esp32.bin"))) {
    const where = found === undefined ? "" : ` in ${found}`;
    throw new Error(
      `there is no firmware for the emulator${where}; build it with npm run build:${EMULATED_TARGET.name} ` +
        "(docs/flashing.md has the tools for it)",
    );
  }
  return found;
}

function builtFolder(environment: Environment): string | undefined {
  try {
    return binFolder(findModdable(environment, process.platform), EMULATED_TARGET, false);
  } catch {
    return undefined;
  }
}
