import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";

/** Property of `modules` that lists excluded sources. */
const EXCLUDED = "~";

const names = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const growthSchema = z.object({ initial: z.number().optional(), incremental: z.number().optional() });

/** Initial size of a part of the engine's memory, and the size by which it grows. */
export type Growth = z.infer<typeof growthSchema>;

/** Schema of the used parts of mcconfig's manifests (the SDK's documentation/tools/manifest.md). */
const partSchema = z.object({
  include: names.optional(),
  modules: z.record(z.string(), names).optional(),
  preload: names.optional(),
  creation: z
    .object({
      static: z.number().optional(),
      main: z.string().optional(),
      stack: z.number().optional(),
      chunk: growthSchema.optional(),
      heap: growthSchema.optional(),
    })
    .optional(),
  ffi: z.object({ functions: z.record(z.string(), z.unknown()) }).optional(),
  error: z.string().optional(),
});
const manifestSchema = partSchema.extend({
  build: z.record(z.string(), z.string()).optional(),
  platforms: z.record(z.string(), partSchema).optional(),
});

/** Generated part of a manifest (module-lists.ts), which mcconfig reads from a file. */
export interface ModuleLists {
  /** Module name to source file without its ending, relative to the manifest's folder. */
  readonly modules: Readonly<Record<string, string>>;
  readonly preload: readonly string[];
}

/** Name of the generated file beside each manifest.json, which includes it. */
export const GENERATED_FILE = "modules.json";
const NO_MODULES: ModuleLists = { modules: {}, preload: [] };

export interface Manifest {
  /** Paths of the manifest and of this project's manifests that it includes. */
  readonly files: string[];
  /** Module name to absolute path of the source file without its ending, for this project's modules. */
  readonly ownModules: Map<string, string>;
  /** Included manifests and modules of the SDK, with the SDK's variables. */
  readonly fromSDK: string[];
  /** Sources that the build excludes, with the SDK's variables. */
  readonly excluded: string[];
  readonly preload: Set<string>;
  /** Name of the module that runs first. */
  main?: string;
  readonly ffiFunctions: string[];
  /** Size of the XS pool for slots, chunks and stack (`creation.static`), bytes. The last manifest takes precedence. */
  staticHeapBytes?: number;
  /** Size of the engine's stack, slots. */
  stackSlots?: number;
  /** Chunks of the engine, bytes. */
  chunkBytes: Growth;
  /** Heap of the engine, slots. */
  heapSlots: Growth;
  /** Files of the build (partitions, sdkconfig): absolute paths. */
  readonly buildFiles: Map<string, string>;
}

/**
 * Reads a manifest as mcconfig does for one platform. `generated` replaces the generated file; by default the result has
 * only modules that are listed by hand. Throws an error with the path if a manifest is invalid.
 */
export function readManifest(file: string, platform: string, generated = NO_MODULES): Manifest {
  const manifest: Manifest = {
    files: [],
    ownModules: new Map(),
    fromSDK: [],
    excluded: [],
    preload: new Set(),
    ffiFunctions: [],
    chunkBytes: {},
    heapSlots: {},
    buildFiles: new Map(),
  };
  add(manifest, file, platform, generated);
  return manifest;
}

function add(manifest: Manifest, file: string, platform: string, generated: ModuleLists): void {
  manifest.files.push(file);
  const isGenerated = basename(file) === GENERATED_FILE;
  const parsed = manifestSchema.safeParse(isGenerated ? generated : JSON.parse(readFileSync(file, "utf8")));
  if (!parsed.success) throw new Error(`${file} is not a valid manifest: ${z.prettifyError(parsed.error)}`);
  const { build = {}, platforms = {}, ...whole } = parsed.data;
  const own = platforms[platform] ?? platforms["..."];
  if (own?.error !== undefined) throw new Error(own.error);
  const folder = dirname(file);
  for (const [name, value] of Object.entries(build)) {
    if (value.startsWith(".")) manifest.buildFiles.set(name, resolve(folder, value));
  }
  const parts = own ? [whole, own] : [whole];
  for (const part of parts) {
    for (const include of part.include ?? []) {
      if (include.startsWith(".")) add(manifest, resolve(folder, include), platform, generated);
      else manifest.fromSDK.push(include);
    }
  }
  // A manifest overrides what it includes.
  for (const part of parts) {
    for (const [name, sources] of Object.entries(part.modules ?? {})) {
      if (name === EXCLUDED) {
        manifest.excluded.push(...sources);
        continue;
      }
      for (const source of sources) {
        if (source.startsWith(".")) manifest.ownModules.set(name, resolve(folder, source));
        else manifest.fromSDK.push(source);
      }
    }
    manifest.staticHeapBytes = part.creation?.static ?? manifest.staticHeapBytes;
    manifest.stackSlots = part.creation?.stack ?? manifest.stackSlots;
    manifest.chunkBytes = { ...manifest.chunkBytes, ...part.creation?.chunk };
    manifest.heapSlots = { ...manifest.heapSlots, ...part.creation?.heap };
    manifest.main = part.creation?.main ?? manifest.main;
    for (const name of part.preload ?? []) manifest.preload.add(name);
    manifest.ffiFunctions.push(...Object.keys(part.ffi?.functions ?? {}));
  }
}
