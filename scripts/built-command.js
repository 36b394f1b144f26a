/**
 * Commands of this project as single JavaScript files in build/commands: Node starts one in a third of the time that tsx takes
 * to compile its sources. A build records the hash of each source. It is replaced as soon as a source differs, so an outdated
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
/** The options of esbuild below are a source, too. */
const THIS_FILE = relative(ROOT, fileURLToPath(import.meta.url));

/** Returns the JavaScript file of a command, absolute. `entry` is its TypeScript file, relative to `root`. */
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
    // Packages that are no ES modules call `require`. Sources may import `createRequire` under its own name.
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

/** A source finds the files beside it by `import.meta.url`, also after it has become a part of another file. */
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

/** Packages that cannot become a part of the file: esbuild and those that npm may leave out have native code. */
function externalPackages(root) {
  const { optionalDependencies = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return ["esbuild", ...Object.keys(optionalDependencies)];
}

function readRecord(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Hash of sources and their names; undefined when one of them is missing. */
function hashOf(sources, root) {
  const hash = createHash("sha256");
  try {
    for (const source of sources) hash.update(`${source}\n`).update(readFileSync(join(root, source)));
  } catch {
    return undefined;
  }
  return hash.digest("hex");
}

/** Other processes see the whole file or none: two commands may start at the same time. */
function write(file, contents) {
  const part = `${file}.${process.pid}`;
  writeFileSync(part, contents);
  renameSync(part, file);
}

/** Keeps the previous build: a process that starts at this moment may be about to load it. */
function removeOlder(folder, name, kept) {
  for (const file of readdirSync(folder)) {
    const isOfCommand = file.startsWith(`${name}.`) && file.endsWith(".js");
    if (isOfCommand && !kept.includes(basename(file))) rmSync(join(folder, file), { force: true });
  }
}
