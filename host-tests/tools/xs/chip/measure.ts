/** Runs the measured steps on XS with a chip's limits, and compares what they need with what the chip has. */

import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readManifest } from "../../../../scripts/sdk/manifest.js";
import { bundledSource } from "../../../../scripts/sdk/module-lists.js";
import { preloadable } from "../../../../scripts/sdk/preloadable.js";
import { MANIFESTS, type ManifestFolder, ROOT } from "../../../../scripts/sdk/targets.js";
import { type Budget, STEPS, TOLERANCE } from "../costs.js";
import { compileChip } from "./compile.js";

/** Module with the steps, without its ending. */
const MAIN = "host-tests/tools/xs/steps";
/** Share of the pool that must be free at the deepest point of each step. */
const FREE_SHARE = 0.2;
const SLOT_BYTES = 16;
/** Pool of the run that measures, bytes: more than any step needs. */
const AMPLE_BYTES = 2 ** 23;

/** Memory of the engine on a chip (`creation` of its manifest). */
export interface ChipLimits {
  /** Name of the manifest. */
  readonly name: string;
  /** Size of the pool for stack, chunks and slots, bytes. */
  readonly poolBytes: number;
  readonly stackSlots: number;
  readonly chunkBytes: Readonly<{ initial: number; incremental: number }>;
  readonly heapSlots: Readonly<{ initial: number; incremental: number }>;
}

const answerSchema = z.object({
  /** Heap slots and chunks in use after the step. */
  slots: z.int(),
  chunkBytes: z.int(),
  /** The same where their sum is largest. */
  peakSlots: z.int(),
  peakChunkBytes: z.int(),
  /** Slots of the stack that were used at most. */
  stackSlots: z.int(),
  /** Part of the pool that was given neither to chunks nor to slots yet. */
  unusedBytes: z.int(),
  /** Message of an exception that left the step. */
  error: z.string().optional(),
  /** Reason why the engine stopped. */
  abort: z.string().optional(),
  /** Last request that the pool could not fulfill. */
  refused: z.string().optional(),
  refusedBytes: z.int().optional(),
});
type Answer = z.infer<typeof answerSchema>;

/** Memory of one step on XS with slots of 16 bytes. */
export interface ChipCost {
  readonly step: string;
  /** Live slots and chunks at the deepest point. */
  readonly peakSlots: number;
  readonly peakChunkBytes: number;
  /** Slots of the stack that were used at most. */
  readonly stackSlots: number;
  /** Pool that is in use after the step and a collection, with the whole stack, bytes. */
  readonly heldBytes: number;
  /** Pool that the step needs at its deepest point with the whole stack, bytes. */
  readonly neededBytes: number;
}

/** The step at which the engine stopped. */
export interface ChipFailure {
  readonly step: string;
  readonly reason: string;
}

/** Returns the limits of each chip that has a manifest. Manifests with the same limits share an item. */
export function chipLimits(): ChipLimits[] {
  const different = new Map<string, ChipLimits>();
  for (const manifest of MANIFESTS) {
    if (manifest.preload !== "all") continue;
    const limits = limitsOf(manifest);
    const key = JSON.stringify({ ...limits, name: "" });
    const name = [different.get(key)?.name ?? [], limits.name].flat().join(", ");
    different.set(key, { ...limits, name });
  }
  return [...different.values()];
}

function limitsOf({ name, platform }: ManifestFolder): ChipLimits {
  const file = join(ROOT, "manifests", name, "manifest.json");
  const { staticHeapBytes, stackSlots, chunkBytes, heapSlots } = readManifest(file, platform);
  return {
    name,
    poolBytes: required(staticHeapBytes, file, "static"),
    stackSlots: required(stackSlots, file, "stack"),
    chunkBytes: growthOf(chunkBytes, file, "chunk"),
    heapSlots: growthOf(heapSlots, file, "heap"),
  };
}

function growthOf(
  { initial, incremental }: { initial?: number; incremental?: number },
  file: string,
  name: string,
): { initial: number; incremental: number } {
  return {
    initial: required(initial, file, `${name}.initial`),
    incremental: required(incremental, file, `${name}.incremental`),
  };
}

function required(value: number | undefined, file: string, name: string): number {
  if (value === undefined) throw new Error(`${file} has no creation.${name}`);
  return value;
}

/** XS with a chip's limits, and the firmware with the test board. */
export class Chip {
  readonly #program: string;
  readonly #bundle: string;
  /** Costs by limits without the pool. */
  readonly #measured = new Map<string, ChipCost[]>();

  private constructor(program: string, bundle: string) {
    this.#program = program;
    this.#bundle = bundle;
  }

  /** Compiles the engine, unless that was done before, and bundles the firmware as for the chip. */
  static async prepare(): Promise<Chip> {
    const program = await compileChip();
    const folder = join(ROOT, "build/xs-chip");
    mkdirSync(folder, { recursive: true });
    const bundle = join(folder, "steps.js");
    // Another process may read the bundle at the same time.
    const written = `${bundle}.${process.pid}`;
    writeFileSync(written, await bundleOfSteps());
    renameSync(written, bundle);
    return new Chip(program, bundle);
  }

  /**
   * Returns what each step needs. Garbage is collected before each allocation, and the pool is ample, so that the figures
   * depend neither on the collector nor on the pool.
   */
  measure(limits: ChipLimits): ChipCost[] {
    const ample = { ...limits, name: "", poolBytes: AMPLE_BYTES };
    const key = JSON.stringify(ample);
    const costs = this.#measured.get(key) ?? this.#measure(ample);
    this.#measured.set(key, costs);
    return costs;
  }

  #measure(limits: ChipLimits): ChipCost[] {
    const answers = this.run(limits, "forced");
    const stopped = failureOf(answers);
    if (stopped) throw new Error(`${stopped.step}: ${stopped.reason}`);
    return answers.map(({ slots, chunkBytes, peakSlots, peakChunkBytes, stackSlots }, i) => ({
      step: STEPS[i]?.name ?? "",
      peakSlots,
      peakChunkBytes,
      stackSlots,
      heldBytes: (limits.stackSlots + slots) * SLOT_BYTES + chunkBytes,
      neededBytes: (limits.stackSlots + peakSlots) * SLOT_BYTES + peakChunkBytes,
    }));
  }

  /**
   * Runs the steps with a chip's pool without `reservedBytes`; garbage is collected as on the chip. Returns the step that
   * does not fit.
   */
  failure(limits: ChipLimits, reservedBytes: number): ChipFailure | undefined {
    return failureOf(this.run({ ...limits, poolBytes: limits.poolBytes - reservedBytes }, "organic"));
  }

  /** Calls the steps in order. The answers end at the first step that fails. */
  run(
    { poolBytes, stackSlots, chunkBytes, heapSlots }: ChipLimits,
    collector: "organic" | "forced",
  ): Answer[] {
    const sizes = [poolBytes, stackSlots, chunkBytes.initial, chunkBytes.incremental, heapSlots.initial];
    const words = [this.#bundle, ...[...sizes, heapSlots.incremental].map(String), collector];
    const input = STEPS.map(({ call, onChip }) => `${onChip ?? call}\n`).join("");
    const { status, signal, stdout, stderr } = spawnSync(this.#program, words, { input, encoding: "utf8" });
    if (status !== 0) throw new Error(`xs-chip ended with ${signal ?? status}: ${stderr.trim()}`);
    return stdout
      .trim()
      .split("\n")
      .map((line) => answerSchema.parse(JSON.parse(line)));
  }
}

/** Returns the firmware with the steps, constant as in flash except for the variables of the steps. */
async function bundleOfSteps(): Promise<string> {
  const source = await bundledSource({ name: "xs-chip", platform: "", preload: "all" }, MAIN);
  return preloadable(source.replace(/^var (\w+);$/gm, "let $1;"));
}

function failureOf(answers: readonly Answer[]): ChipFailure | undefined {
  const index = answers.findIndex(({ abort, error }) => abort !== undefined || error !== undefined);
  const answer = answers[index];
  if (!answer) return undefined;
  const { slots, chunkBytes, stackSlots, unusedBytes, abort, refused, refusedBytes, error } = answer;
  const request = refused ? `no ${refusedBytes} bytes for ${refused}, ${unusedBytes} are left; ` : "";
  const used = `${slots} slots, ${chunkBytes} bytes of chunks, ${stackSlots} slots of stack`;
  return { step: STEPS[index]?.name ?? "", reason: error ?? `${abort}: ${request}${used}` };
}

/** Errors for steps that need more of a chip's pool than they may, one sentence each. */
export function spaceErrors(
  costs: readonly ChipCost[],
  { name, poolBytes }: ChipLimits,
  { chip }: Budget,
): string[] {
  const errors: string[] = [];
  for (const { step, neededBytes } of costs) {
    const freeBytes = poolBytes - chip.boardBytes - neededBytes;
    if (freeBytes < poolBytes * FREE_SHARE) {
      errors.push(
        `${step}: ${percentOf(freeBytes, poolBytes)} % of the pool of ${name} are free, 20 % are required; it needs ${neededBytes} bytes of ${poolBytes}, and ${chip.boardBytes} for the chip's board`,
      );
    }
  }
  return errors;
}

/** Errors for steps that need more than at the last measurement, one sentence each. */
export function growthErrors(costs: readonly ChipCost[], { chip }: Budget): string[] {
  return costs.flatMap(({ step, neededBytes }) => {
    const before = chip.neededBytes[step];
    if (before === undefined)
      return [`${step} has no budget on the chip; add it to host-tests/tools/xs/budget.json`];
    if (neededBytes <= before * TOLERANCE) return [];
    return [
      `${step}: ${neededBytes} bytes of the chip's pool, ${before} before; if that is meant, change host-tests/tools/xs/budget.json with it`,
    ];
  });
}

export function percentOf(bytes: number, poolBytes: number): string {
  return ((100 * bytes) / poolBytes).toFixed(1);
}
