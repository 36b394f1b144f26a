/**
 * `npm run fuzz:c`: the chip's C code under libFuzzer, which looks for inputs that reach new code.
 *
 * It needs clang, and libmbedtls-dev for the TLS client. `MBEDTLS_CFLAGS` and `MBEDTLS_LIBS` name another mbedTLS; one that
 * was compiled with `-fsanitize=fuzzer-no-link` is explored, too.
 */

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { fail, print } from "../../../platform-stub/command-line.js";
import { ROOT } from "../imports.js";
import { build, canBuild, corpusOf, TARGETS, type Target } from "./targets.js";

interface FuzzOptions {
  readonly minutes: number;
  readonly targets: readonly string[];
  readonly saveCorpus: boolean;
}

const COMPILER = process.env.CLANG ?? "clang";
const OUTPUT = join(ROOT, "build/fuzz");
/** Limit of one allocation, MB: no input of a server needs more. */
const MALLOC_LIMIT_MB = 1;

new Command("npm run fuzz:c --")
  .description("The chip's C code under a coverage-guided fuzzer (libFuzzer)")
  .option("--minutes <n>", "minutes for each target; all run at once", minutes, 60)
  .option(
    "--targets <names...>",
    TARGETS.map(({ name }) => name).join(", "),
    TARGETS.map(({ name }) => name),
  )
  .option(
    "--save-corpus",
    "replace the project's inputs by the smallest set that reaches the same code",
    false,
  )
  .showHelpAfterError()
  .action(fuzz)
  .parseAsync()
  .catch(fail);

async function fuzz({ minutes, targets, saveCorpus }: FuzzOptions): Promise<void> {
  const chosen = targets.map((name) => {
    const target = TARGETS.find((one) => one.name === name);
    if (!target) throw new Error(`unknown target: ${name}`);
    if (!canBuild(target, COMPILER))
      throw new Error(
        `${name} needs clang and libmbedtls-dev, for example "apt-get install clang libmbedtls-dev"`,
      );
    return target;
  });
  const results = await Promise.all(chosen.map((target) => run(target, minutes)));
  for (const result of results) print(result.text);
  if (saveCorpus) for (const target of chosen) save(target);
  const failed = results.filter(({ ok }) => !ok);
  if (failed.length > 0) throw new Error(`a failing input is in ${OUTPUT}`);
}

function folderOf({ name }: Target): string {
  return join(OUTPUT, name);
}

async function run(target: Target, minutes: number): Promise<{ ok: boolean; text: string }> {
  const folder = folderOf(target);
  const corpus = join(folder, "corpus");
  mkdirSync(corpus, { recursive: true });
  const program = build(target, { compiler: COMPILER, folder, isFuzzer: true });
  unpack(target, corpus);
  const { status, output } = await execute(program, [
    `-max_total_time=${Math.ceil(minutes * 60)}`,
    `-max_len=${target.maxBytes}`,
    `-malloc_limit_mb=${MALLOC_LIMIT_MB}`,
    `-artifact_prefix=${folder}/`,
    "-print_final_stats=1",
    corpus,
  ]);
  writeFileSync(join(folder, "fuzz.txt"), output);
  return { ok: status === 0, text: `${target.name}: ${summary(output)}` };
}

function execute(
  program: string,
  words: readonly string[],
): Promise<{ status: number | null; output: string }> {
  return new Promise((done, fail) => {
    let output = "";
    const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("error", fail);
    child.on("close", (status) => done({ status, output }));
  });
}

/** Executions, edges and findings of a run, from libFuzzer's output. */
function summary(output: string): string {
  const executions = /number_of_executed_units: (\d+)/.exec(output)?.[1] ?? "?";
  const edges = [...output.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? "?";
  const finding = /^SUMMARY: .*$/m.exec(output)?.[0] ?? "no finding";
  return `${executions} inputs, ${edges} edges, ${finding}`;
}

/** Writes the project's inputs as files, as libFuzzer reads them. */
function unpack(target: Target, corpus: string): void {
  const lines = readFileSync(corpusOf(target), "utf8").trimEnd().split("\n");
  for (const [i, line] of lines.entries())
    writeFileSync(join(corpus, `project-${i}`), Buffer.from(line, "hex"));
}

/** Replaces the project's inputs by the smallest set of all inputs that reaches the same edges. */
function save(target: Target): void {
  const smallest = join(folderOf(target), "smallest");
  rmSync(smallest, { recursive: true, force: true });
  mkdirSync(smallest);
  const { status, stderr } = spawnSync(
    join(folderOf(target), target.name),
    ["-merge=1", "-use_counters=0", smallest, join(folderOf(target), "corpus")],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  const inputs = readdirSync(smallest).map((name) => readFileSync(join(smallest, name)).toString("hex"));
  writeFileSync(
    corpusOf(target),
    `${inputs.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).join("\n")}\n`,
  );
}

function minutes(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 10_000)) throw new InvalidArgumentError("It must be a number of minutes.");
  return value;
}
