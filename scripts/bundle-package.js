/** Bundles a package of npm as one ES module that needs neither Node nor a DOM. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * Builds `outfile`, with the package's version and license at its top.
 *
 * - name: name of the package
 * - license: name of the license file in the package
 * - entry: source of the module that imports the package
 * - resolveDir: folder from which `entry` imports
 * - outfile: absolute path of the module
 * - script: this project's script that builds the module
 * - plugins: plugins of esbuild
 */
export async function bundlePackage({ name, license, entry, resolveDir, outfile, script, plugins }) {
  const folder = join(ROOT, "node_modules", name);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const text = readFileSync(join(folder, license), "utf8").trim();
  await build({
    stdin: { contents: entry, resolveDir },
    outfile,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    minifySyntax: true,
    treeShaking: true,
    plugins,
    banner: { js: `/*\n * ${name} ${version}, bundled by scripts/${script}\n *\n${comment(text)}\n */` },
    logLevel: "warning",
  });
}

/**
 * Makes a plugin that changes the files whose path matches `filter`. A change is a pattern with its replacement.
 * `changesOf` returns the changes of a path. Each must match, so that a new version of the package is reviewed.
 * `finish` returns the changed content in its final form.
 */
export function changeFiles(filter, changesOf, finish = (contents) => contents) {
  return {
    name: "change-files",
    setup(bundle) {
      bundle.onLoad({ filter }, ({ path }) => {
        let contents = readFileSync(path, "utf8");
        for (const [pattern, replacement] of changesOf(path)) {
          const changed = contents.replace(pattern, replacement);
          if (changed === contents) throw new Error(`${pattern} is not in ${path}`);
          contents = changed;
        }
        return { contents: finish(contents) };
      });
    },
  };
}

function comment(text) {
  return text
    .split("\n")
    .map((line) => ` * ${line}`.trimEnd())
    .join("\n");
}
