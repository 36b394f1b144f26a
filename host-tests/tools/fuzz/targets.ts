/** The fuzz targets: C code of the ESP32 board that needs no chip. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../imports.js";
import { MBEDTLS_INCLUDES, MBEDTLS_LIBRARIES, SANITIZED } from "../native-compiler.js";

const BOARD = join(ROOT, "firmware/boards/esp32");
const FOLDER = join(ROOT, "host-tests/tools/fuzz");

export interface Target {
  readonly name: string;
  /** Sources of the board; the first one's folder has the headers. */
  readonly sources: readonly string[];
  /** Source whose headers of the SDKs are empty on the host: the target has fakes. */
  readonly faked?: string;
  readonly usesTLS?: boolean;
  /** Longest useful input. */
  readonly maxBytes: number;
}

export const TARGETS: readonly Target[] = [
  { name: "gatt-table", sources: ["gatt/gatt-table.c"], maxBytes: 600 },
  { name: "kept-end", sources: ["engine/kept-end.c"], maxBytes: 700 },
  { name: "lwip-calls", sources: [], faked: "lwip/lwip-calls.c", maxBytes: 300 },
  { name: "tls-session", sources: ["tls/tls-session.c"], usesTLS: true, maxBytes: 1500 },
];

/** Inputs that reach each part of a target, a line each in hexadecimal. */
export function corpusOf({ name }: Target): string {
  return join(FOLDER, "corpus", `${name}.txt`);
}

const FLAGS = ["-std=gnu11", ...SANITIZED, "-Wno-unused-function", "-pthread"];

/** Makes empty headers of the SDKs in a folder, for sources whose types and functions a test has as fakes. */
export function makeEmptyHeaders(folder: string, ...sources: readonly string[]): void {
  for (const source of sources) {
    for (const [, header = ""] of readFileSync(join(BOARD, source), "utf8").matchAll(/#include "(.*)"/g)) {
      mkdirSync(join(folder, dirname(header)), { recursive: true });
      writeFileSync(join(folder, header), "");
    }
  }
}

interface BuildOptions {
  readonly compiler: string;
  /** Folder for the program. */
  readonly folder: string;
  /** Whether the program is a fuzzer (libFuzzer). Otherwise it runs a corpus and random inputs (main.c). */
  readonly isFuzzer: boolean;
}

/** Compiles a target. Returns the program. */
export function build(target: Target, { compiler, folder, isFuzzer }: BuildOptions): string {
  const program = join(folder, target.name);
  const sources = target.sources.map((source) => join(BOARD, source));
  const [main = join(BOARD, target.faked ?? "")] = sources;
  const includes = ["-I", FOLDER, "-I", dirname(main)];
  if (target.faked !== undefined) {
    const headers = mkdtempSync(join(folder, "headers-"));
    makeEmptyHeaders(headers, target.faked);
    includes.push("-I", headers);
  }
  const { status, stderr } = spawnSync(
    compiler,
    [
      ...FLAGS,
      ...(isFuzzer ? ["-fsanitize=fuzzer"] : []),
      ...(target.usesTLS ? MBEDTLS_INCLUDES : []),
      ...includes,
      ...sources,
      join(FOLDER, `${target.name}.fuzz.c`),
      ...(isFuzzer ? [] : [join(FOLDER, "main.c")]),
      "-o",
      program,
      ...(target.usesTLS ? MBEDTLS_LIBRARIES : []),
    ],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  return program;
}

/** Whether a compiler is there, and mbedTLS if the target needs it. */
export function canBuild(target: Target, compiler: string): boolean {
  const header = target.usesTLS ? "mbedtls/ssl.h" : "stddef.h";
  const { status } = spawnSync(compiler, [...MBEDTLS_INCLUDES, "-fsyntax-only", "-x", "c", "-"], {
    input: `#include <${header}>\n`,
  });
  return status === 0;
}
