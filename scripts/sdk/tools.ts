/** Finds the vendors' tools, and says what is missing and where the vendors tell how to get it. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ROOT } from "./targets.js";

const LEAST_SDK = [8, 2, 3];
const IDF_VERSION = "6.0";
const SDK_GUIDE = "github.com/Moddable-OpenSource/moddable, documentation/Moddable SDK - Getting Started.md";
const IDF_GUIDE = "github.com/Moddable-OpenSource/moddable, documentation/devices/esp32.md";

export interface Environment {
  readonly [name: string]: string | undefined;
}

export interface Moddable {
  readonly folder: string;
  readonly version: string;
  /** Where its command line tools are. */
  readonly bin: string;
}

/** Throws with a sentence when the SDK is not there, too old, or not built. */
export function findModdable(environment: Environment, system: NodeJS.Platform): Moddable {
  const folder = environment.MODDABLE;
  if (!folder) throw new Error(`$MODDABLE is not set: install the Moddable SDK (${SDK_GUIDE})`);
  const versionFile = join(folder, "tools", "VERSION");
  if (!existsSync(versionFile)) {
    throw new Error(
      `$MODDABLE is ${folder}, and there is no Moddable SDK: no tools/VERSION in it (${SDK_GUIDE})`,
    );
  }
  const version = readFileSync(versionFile, "utf8").trim();
  if (!isAtLeast(version, LEAST_SDK)) {
    throw new Error(
      `the Moddable SDK in ${folder} is ${version}; it has to be ${LEAST_SDK.join(".")} or newer`,
    );
  }
  const host = system === "darwin" ? "mac" : "lin";
  const bin = join(folder, "build", "bin", host, "release");
  if (!existsSync(join(bin, "mcconfig"))) {
    throw new Error(
      `the tools of the Moddable SDK are not built: make in ${join(folder, "build/makefiles", host)}`,
    );
  }
  return { folder, version, bin };
}

/** Throws with a sentence when ESP-IDF is not there, or not the version that the SDK wants. */
export function findIDF(environment: Environment): { folder: string; version: string } {
  const folder = environment.IDF_PATH;
  if (!folder) throw new Error(`$IDF_PATH is not set: install ESP-IDF ${IDF_VERSION} (${IDF_GUIDE})`);
  if (!existsSync(join(folder, "export.sh"))) {
    throw new Error(`$IDF_PATH is ${folder}, and there is no ESP-IDF: no export.sh in it (${IDF_GUIDE})`);
  }
  const version = idfVersion(folder);
  if (version === undefined) {
    throw new Error(
      `the ESP-IDF in ${folder} is no git repository, and the SDK reads its version from git: clone it (${IDF_GUIDE})`,
    );
  }
  if (version !== IDF_VERSION && !version.startsWith(`${IDF_VERSION}.`)) {
    throw new Error(`the ESP-IDF in ${folder} is ${version}; it has to be ${IDF_VERSION}`);
  }
  return { folder, version };
}

/** Throws with a sentence when no board can be there. */
export function checkPort(port: string): void {
  if (port === "") throw new Error("--port is empty; it has to be where the board is, /dev/ttyUSB0 say");
  if (!existsSync(port)) {
    throw new Error(`there is no ${port}: plug the board in, and look for it with ls /dev/tty* /dev/cu.*`);
  }
}

/**
 * Version of ESP-IDF, read as the SDK's makefile (`tools/mcconfig/make.esp32.mk`) reads it: an archive without its git
 * repository fails there. `undefined`: git describes nothing.
 */
function idfVersion(folder: string): string | undefined {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--abbrev=0"], {
    cwd: folder,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim().replace(/^v/, "") : undefined;
}

/** What mcconfig runs in: its tools, and this project's TypeScript, on the path. */
export function buildEnvironment(environment: Environment, moddable: Moddable): NodeJS.ProcessEnv {
  const path = [join(ROOT, "node_modules", ".bin"), moddable.bin, environment.PATH ?? ""];
  return { ...environment, MODDABLE: moddable.folder, PATH: path.join(delimiter) };
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [i, want] of least.entries()) {
    const have = parts[i] ?? 0;
    if (have !== want) return have > want;
  }
  return true;
}
