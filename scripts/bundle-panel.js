/**
 * Builds modules/web/panel/built: the files of the admin panel, minified and gzipped, which the firmware includes as
 * resources. `npm ci` runs it. The same sources give the same bytes, so that the ETag does not change.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "modules", "web", "panel");
const built = join(folder, "built");
/** Maximum size of the three gzipped files together, bytes. */
const MAX_BYTES = 30_000;

async function bundled(name) {
  const { outputFiles } = await build({
    entryPoints: [join(folder, name)],
    bundle: true,
    minify: true,
    charset: "utf8",
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

/** Returns the page without indentation. */
function page() {
  return readFileSync(join(folder, "index.html"), "utf8").replace(/\n\s*/g, "\n");
}

const files = {
  "panel-html": page(),
  "panel-css": await bundled("panel.css"),
  "panel-js": await bundled("panel.js"),
};

mkdirSync(built, { recursive: true });
let total = 0;
for (const [name, text] of Object.entries(files)) {
  const bytes = gzipSync(text, { level: constants.Z_BEST_COMPRESSION });
  total += bytes.length;
  writeFileSync(join(built, `${name}.gz`), bytes);
}
if (total > MAX_BYTES) throw new Error(`the panel has ${total} bytes; at most ${MAX_BYTES} are allowed`);
