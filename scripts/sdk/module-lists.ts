import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { GENERATED_FILE, type ModuleLists, readManifest } from "./manifest.js";
import { type ManifestFolder, ROOT } from "./targets.js";

const SDK_MODULES: Readonly<Record<string, unknown>> = JSON.parse(
  readFileSync(join(ROOT, "manifests/sdk-modules.json"), "utf8"),
);
const ENDINGS = [".ts", ".js"];
/** Folders of the firmware. The simulator runs tools of the host beside them. */
const FIRMWARE = /^(firmware|modules)\//;

interface Module {
  /** Absolute path of the source. */
  readonly file: string;
  /** Names of imported modules of the project and of npm. */
  readonly imports: readonly string[];
  readonly importsSDK: boolean;
}

/** Returns the generated lists of a manifest: its main module and all modules that it imports, also indirectly. */
export async function moduleLists(manifest: ManifestFolder, root = ROOT): Promise<ModuleLists> {
  const folder = join(root, "manifests", manifest.name);
  const { main, ownModules } = readManifest(join(folder, "manifest.json"), manifest.platform);
  if (main === undefined) throw new Error(`${folder}/manifest.json has no creation.main`);
  const graph = await importGraph(root, main, ownModules);
  const modules: Record<string, string> = {};
  for (const name of [...graph.keys()].sort()) {
    const file = graph.get(name)?.file ?? "";
    // A module that the manifest lists by hand is not generated: its source differs.
    if (!ownModules.has(name)) modules[name] = withoutEnding(slashes(relative(folder, file)));
  }
  return { modules, preload: preloaded(manifest, main, graph) };
}

/** Writes `modules.json` beside a manifest. An unchanged file keeps its time, so that mcconfig does not build again. */
export async function writeModuleLists(manifest: ManifestFolder, root = ROOT): Promise<void> {
  const file = join(root, "manifests", manifest.name, GENERATED_FILE);
  const text = `${JSON.stringify(await moduleLists(manifest, root), null, 2)}\n`;
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}

function preloaded({ preload }: ManifestFolder, main: string, graph: Map<string, Module>): string[] {
  switch (preload) {
    case "all":
      return [...graph.keys()].sort();
    case "portable firmware":
      return portableFirmware(main, graph);
    case "none":
      return [];
  }
}

/** Returns the modules of the firmware that the main module reaches without a module in between that uses the SDK. */
function portableFirmware(main: string, graph: Map<string, Module>): string[] {
  const found = new Set<string>();
  const queue = [...(graph.get(main)?.imports ?? [])];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const module = graph.get(name);
    if (!module || found.has(name) || module.importsSDK || !FIRMWARE.test(name)) continue;
    found.add(name);
    queue.push(...module.imports);
  }
  return [...found].sort();
}

/**
 * Modules by name, as XS links them: a relative specifier is resolved against the importing module's name. `ownModules`
 * maps the names that a manifest lists by hand to their sources.
 */
async function importGraph(
  root: string,
  main: string,
  ownModules: ReadonlyMap<string, string>,
): Promise<Map<string, Module>> {
  const names = new Map<string, string>();
  const { metafile } = await build({
    entryPoints: [main],
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    logLevel: "silent",
    plugins: [resolveAsXS(root, names, ownModules)],
    // mcconfig compiles with the same option (manifests/common.json).
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  });
  return modulesOf(root, metafile, names);
}

function modulesOf(
  root: string,
  { inputs }: Metafile,
  names: ReadonlyMap<string, string>,
): Map<string, Module> {
  const nameOf = (path: string) => names.get(join(root, path)) ?? path;
  return new Map(
    Object.entries(inputs).map(([path, { imports }]) => {
      const isInside = (one: { external?: boolean }) => one.external !== true;
      return [
        nameOf(path),
        {
          file: join(root, path),
          imports: imports.filter(isInside).map((one) => nameOf(one.path)),
          importsSDK: !imports.every(isInside),
        },
      ];
    }),
  );
}

/** Plugin that resolves specifiers as XS does, and fills `names`: absolute path to module name. */
function resolveAsXS(
  root: string,
  names: Map<string, string>,
  ownModules: ReadonlyMap<string, string>,
): Plugin {
  return {
    name: "resolve-as-xs",
    setup(bundle) {
      bundle.onResolve({ filter: /.*/ }, ({ path: specifier, importer }) => {
        if (Object.hasOwn(SDK_MODULES, specifier)) return { path: specifier, external: true };
        const name = withoutEnding(
          specifier.startsWith(".")
            ? posix.join(posix.dirname(names.get(importer) ?? ""), specifier)
            : specifier,
        );
        const path =
          sourceOf(ownModules.get(name) ?? join(root, name)) ?? sourceOf(join(root, "node_modules", name));
        if (path === undefined) {
          const text = `the module ${specifier} is neither in the project nor in node_modules nor in manifests/sdk-modules.json`;
          return { errors: [{ text }] };
        }
        names.set(path, name);
        return { path };
      });
    },
  };
}

/** Returns the existing source file of a path without its ending. */
function sourceOf(path: string): string | undefined {
  return ENDINGS.map((ending) => path + ending).find((file) => existsSync(file));
}

function withoutEnding(path: string): string {
  return path.replace(/\.(ts|js)$/, "");
}

function slashes(path: string): string {
  return path.split(sep).join("/");
}
