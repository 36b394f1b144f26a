/** Finds the vendors' tools. Errors name the missing part and the vendor's guide for its installation. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ROOT } from "./targets.js";

/** Minimum version of the Moddable SDK. */
const LEAST_SDK = [8, 2, 3];
const IDF_VERSION = "6.0";
const SDK_GUIDE = "github.com/Moddable-OpenSource/moddable, documentation/Moddable SDK - Getting Started.md";
const IDF_GUIDE = "github.com/Moddable-OpenSource/moddable, documentation/devices/esp32.md";
/** This project's description of the tools. */
const STEPS = "as in docs/flashing.md";

export interface Environment {
  readonly [name: string]: string | undefined;
}

export interface Moddable {
  readonly folder: string;
  readonly version: string;
  /** Folder of the command line tools. */
  readonly bin: string;
}

/** Finds the Moddable SDK. Throws a message for people if it is missing, too old, or not built. */
export function findModdable(environment: Environment, system: NodeJS.Platform): Moddable {
  const folder = environment.MODDABLE;
  if (!folder)
    throw new Error(
      `$MODDABLE is not set: install the Moddable SDK and export its folder ${STEPS} (${SDK_GUIDE})`,
    );
  const versionFile = join(folder, "tools", "VERSION");
  if (!existsSync(versionFile)) {
    throw new Error(
      `$MODDABLE is ${folder}, which is not a Moddable SDK: it has no tools/VERSION (${SDK_GUIDE})`,
    );
  }
  const version = readFileSync(versionFile, "utf8").trim();
  if (!isAtLeast(version, LEAST_SDK)) {
    throw new Error(
      `the Moddable SDK in ${folder} is ${version}; it must be ${LEAST_SDK.join(".")} or newer`,
    );
  }
  const host = system === "darwin" ? "mac" : "lin";
  const bin = join(folder, "build", "bin", host, "release");
  if (!existsSync(join(bin, "mcconfig"))) {
    throw new Error(
      `the tools of the Moddable SDK are not built: run make in ${join(folder, "build/makefiles", host)}`,
    );
  }
  return { folder, version, bin };
}

/** Finds ESP-IDF. Throws a message for people if it is missing or not the version that the SDK needs. */
export function findIDF(environment: Environment): { folder: string; version: string } {
  const folder = environment.IDF_PATH;
  if (!folder)
    throw new Error(
      `$IDF_PATH is not set: install ESP-IDF ${IDF_VERSION} and export its folder ${STEPS} (${IDF_GUIDE})`,
    );
  if (!existsSync(join(folder, "export.sh"))) {
    throw new Error(`$IDF_PATH is ${folder}, which is not an ESP-IDF: it has no export.sh (${IDF_GUIDE})`);
  }
  const version = idfVersion(folder);
  if (version === undefined) {
    throw new Error(
      `the ESP-IDF in ${folder} is not a git repository, but the SDK reads its version from git: clone it (${IDF_GUIDE})`,
    );
  }
  if (version !== IDF_VERSION && !version.startsWith(`${IDF_VERSION}.`)) {
    throw new Error(`the ESP-IDF in ${folder} is ${version}; it must be ${IDF_VERSION}`);
  }
  return { folder, version };
}

/** Throws a message for people if no board can be at the port. */
export function checkPort(port: string): void {
  if (port === "")
    throw new Error("--port is empty; it must be the board's serial port, such as /dev/ttyUSB0");
  if (!existsSync(port)) {
    throw new Error(
      `the port ${port} does not exist; plug the board in and find it with ls /dev/tty* /dev/cu.*`,
    );
  }
}

/**
 * Reads the version of ESP-IDF as the SDK's makefile (`tools/mcconfig/make.esp32.mk`) does. `undefined` without a git
 * repository, for which the makefile fails.
 */
function idfVersion(folder: string): string | undefined {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--abbrev=0"], {
    cwd: folder,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim().replace(/^v/, "") : undefined;
}

/** Folders of mbedTLS 4 in ESP-IDF, which the SDK's makefile does not have. */
const MBEDTLS_FOLDERS = [
  "port/include",
  "port/psa_driver/include",
  "mbedtls/tf-psa-crypto/include",
  "mbedtls/tf-psa-crypto/drivers/builtin/include",
];
/** ESP-IDF compiles mbedTLS with these, and its structures depend on them. */
const MBEDTLS_DEFINES = ["MBEDTLS_CONFIG_FILE", "TF_PSA_CRYPTO_USER_CONFIG_FILE"];

/**
 * Returns the environment of mcconfig: its tools, and before them this project's TypeScript and linker (link.ts), are on
 * the path. The chip's TLS is compiled with ESP-IDF's mbedTLS. The SDK's makefile appends to `C_INCLUDES`.
 */
export function buildEnvironment(environment: Environment, moddable: Moddable): NodeJS.ProcessEnv {
  const own = [join(ROOT, "node_modules", ".bin"), join(ROOT, "scripts/sdk/linker")];
  const path = [...own, moddable.bin, environment.PATH ?? ""];
  const options = [
    ...MBEDTLS_FOLDERS.map((folder) => `-I${environment.IDF_PATH}/components/mbedtls/${folder}`),
    ...MBEDTLS_DEFINES.map((name) => `-D${name}=\\"mbedtls/esp_config.h\\"`),
  ];
  return {
    ...environment,
    MODDABLE: moddable.folder,
    PATH: path.join(delimiter),
    ...(environment.IDF_PATH && { C_INCLUDES: options.join(" ") }),
  };
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [i, want] of least.entries()) {
    const have = parts[i] ?? 0;
    if (have !== want) return have > want;
  }
  return true;
}
