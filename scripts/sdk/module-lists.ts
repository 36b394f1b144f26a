import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import {
  type BuildOptions,
  build,
  type Metafile,
  type Plugin,
  type TransformOptions,
  transform,
} from "esbuild";
import { GENERATED_FILE, type ModuleLists, readManifest } from "./manifest.js";
import { preloadable } from "./preloadable.js";
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

/** Returns the lists of a manifest with each module: its main module and all modules that it imports, also indirectly. */
export async function moduleLists(manifest: ManifestFolder, root = ROOT): Promise<ModuleLists> {
  const folder = folderOf(manifest, root);
  const main = mainOf(manifest, root);
  const graph = await importGraph(root, main, manifest);
  const modules: Record<string, string> = {};
  for (const name of [...graph.keys()].sort()) {
    modules[name] = withoutEnding(slashes(relative(folder, graph.get(name)?.file ?? "")));
  }
  return { modules, preload: preloaded(manifest, main, graph) };
}

/**
 * Bundles all modules of a manifest into the main module, in `build/firmware/`, and returns lists with that module alone.
 * Each import between modules would take bytecode, and objects of the engine in flash and RAM.
 */
export async function bundledModuleLists(manifest: ManifestFolder, root = ROOT): Promise<ModuleLists> {
  const main = mainOf(manifest, root);
  const source = join(bundleFolderOf(manifest, root), posix.basename(main));
  writeChanged(`${source}.js`, await preloadable(await bundledSource(manifest, main, root)));
  return { modules: { [main]: slashes(relative(folderOf(manifest, root), source)) }, preload: [main] };
}

/** Returns the folder of a manifest's bundle. */
export function bundleFolderOf({ name }: ManifestFolder, root = ROOT): string {
  return join(root, "build/firmware", name);
}

/** Returns a module with all that it imports as one module. `main` is its path without ending. */
export async function bundledSource(manifest: ManifestFolder, main: string, root = ROOT): Promise<string> {
  const options = buildOptions(root, main, new Map(), manifest);
  const { outputFiles } = await build({
    ...options,
    plugins: [...(options.plugins ?? []), inlineNumbers(options.tsconfigRaw)],
    write: false,
    legalComments: "inline",
  });
  return outputFiles[0]?.text ?? "";
}

/** Writes `modules.json` beside a manifest. With `isBundled`, it lists one bundle instead of each module. */
export async function writeModuleLists(
  manifest: ManifestFolder,
  { isBundled, root = ROOT }: { isBundled: boolean; root?: string },
): Promise<void> {
  const lists = await (isBundled ? bundledModuleLists : moduleLists)(manifest, root);
  writeChanged(join(folderOf(manifest, root), GENERATED_FILE), `${JSON.stringify(lists, null, 2)}\n`);
}

/** Writes a file. An unchanged one keeps its time, so that mcconfig does not build it again. */
function writeChanged(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function folderOf(manifest: ManifestFolder, root: string): string {
  return join(root, "manifests", manifest.name);
}

function mainOf(manifest: ManifestFolder, root: string): string {
  const file = join(folderOf(manifest, root), "manifest.json");
  const { main } = readManifest(file, manifest.platform);
  if (main === undefined) throw new Error(`${file} has no creation.main`);
  return main;
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

/** Modules by name, as XS links them: a relative specifier is resolved against the importing module's name. */
async function importGraph(
  root: string,
  main: string,
  manifest: ManifestFolder,
): Promise<Map<string, Module>> {
  const names = new Map<string, string>();
  const { metafile } = await build({
    ...buildOptions(root, main, names, manifest),
    write: false,
    metafile: true,
  });
  return modulesOf(root, metafile, names);
}

function buildOptions(
  root: string,
  main: string,
  names: Map<string, string>,
  { replaced = {} }: ManifestFolder,
): BuildOptions {
  return {
    entryPoints: [main],
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "esnext",
    logLevel: "silent",
    plugins: [resolveAsXS(root, names, replaced)],
    // mcconfig compiles with the same options (manifests/common.json).
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: false } },
  };
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
  replaced: Readonly<Record<string, string>>,
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
          sourceOf(join(root, replaced[name] ?? name)) ?? sourceOf(join(root, "node_modules", name));
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

/** A module's own constant that is a number or a product of numbers. */
const NUMBER = /^const ([A-Z][A-Z0-9_]*) = ((?:0x[\da-f]+|-?\d[\d_.]*)(?: \* \d[\d_.]*)*);\n/gim;

/**
 * Plugin that writes a module's own constants that are numbers where they are used. On XS a constant is a variable: each
 * takes about 25 bytes of bytecode and a slot of 16 bytes.
 */
function inlineNumbers(tsconfigRaw: TransformOptions["tsconfigRaw"]): Plugin {
  return {
    name: "inline-numbers",
    setup(bundle) {
      bundle.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const define: Record<string, string> = {};
        // A name without a declaration is global for esbuild, which replaces only globals.
        const source = readFileSync(path, "utf8").replace(NUMBER, (_whole, name: string, product: string) => {
          const factors = product.replaceAll("_", "").split(" * ").map(Number);
          define[name] = String(factors.reduce((a, b) => a * b));
          return "\n";
        });
        const { code } = await transform(source, { loader: "ts", target: "esnext", tsconfigRaw, define });
        return { contents: code, loader: "js" };
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
