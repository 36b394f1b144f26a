/**
 * Builds commands of this project as single JavaScript files in build/commands. Node starts one in
 * less than half a second. A build records a hash of its sources, and is replaced when a source differs: an outdated
 * build never runs.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDER = join("build", "commands");
const BANNER =
  'import { createRequire as bannerCreateRequire } from "node:module"; const require = bannerCreateRequire(import.meta.url);';
/** This file counts as a source: its options of esbuild affect each build. */
const THIS_FILE = relative(ROOT, fileURLToPath(import.meta.url));

/** Returns the absolute path of a command's JavaScript file. `entry` is its TypeScript file, relative to `root`. */
export async function builtCommand(entry, root = ROOT) {
  const name = entry.replace(/\.ts$/, "").replace(/[/\\]/g, "-");
  const recordFile = join(root, FOLDER, `${name}.json`);
  const record = readRecord(recordFile);
  if (record && record.root === root && record.hash === hashOf(record.sources, root)) {
    return join(root, FOLDER, record.script);
  }
  return await build({ entry, root, name, recordFile, previous: record?.script });
}

async function build({ entry, root, name, recordFile, previous }) {
  const esbuild = await import("esbuild");
  const { metafile, outputFiles } = await esbuild.build({
    entryPoints: [entry],
    absWorkingDir: root,
    outfile: join(root, FOLDER, `${name}.js`),
    bundle: true,
    external: externalPackages(root),
    // CommonJS packages call `require`. The banner imports it under another name, because sources may import
    // `createRequire`, too.
    banner: { js: BANNER },
    platform: "node",
    format: "esm",
    target: "node20",
    // Logs and errors show the names of classes.
    keepNames: true,
    sourcemap: "inline",
    sourcesContent: false,
    write: false,
    metafile: true,
    logLevel: "silent",
    plugins: [ownURLs],
  });
  const [output] = outputFiles;
  const own = root === ROOT ? [THIS_FILE] : [];
  const sources = [...Object.keys(metafile.inputs), ...own];
  const hash = hashOf(sources, root);
  const script = `${name}.${createHash("sha256").update(output.contents).digest("hex").slice(0, 16)}.js`;
  mkdirSync(join(root, FOLDER), { recursive: true });
  write(join(root, FOLDER, script), output.contents);
  write(recordFile, JSON.stringify({ root, hash, script, sources }));
  removeOlder(join(root, FOLDER), name, [script, previous]);
  return join(root, FOLDER, script);
}

/** Plugin that keeps the `import.meta.url` of each source, by which it finds the files beside it. */
const ownURLs = {
  name: "own-urls",
  setup(bundle) {
    bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll(
        "import.meta.url",
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: "ts",
    }));
  },
};

/** Packages that cannot be bundled: esbuild, swc and the optional dependencies have native code. */
function externalPackages(root) {
  const { optionalDependencies = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return ["esbuild", "@swc/core", ...Object.keys(optionalDependencies)];
}

function readRecord(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Returns the hash of sources and their names; `undefined` if one of them is missing. */
function hashOf(sources, root) {
  const hash = createHash("sha256");
  try {
    for (const source of sources) hash.update(`${source}\n`).update(readFileSync(join(root, source)));
  } catch {
    return undefined;
  }
  return hash.digest("hex");
}

/** Writes a file atomically: two commands may start at the same time. */
function write(file, contents) {
  const part = `${file}.${process.pid}`;
  writeFileSync(part, contents);
  renameSync(part, file);
}

/** Removes older builds, but not the previous one: a process that starts now may be about to load it. */
function removeOlder(folder, name, kept) {
  for (const file of readdirSync(folder)) {
    const isOfCommand = file.startsWith(`${name}.`) && file.endsWith(".js");
    if (isOfCommand && !kept.includes(basename(file))) rmSync(join(folder, file), { force: true });
  }
}
