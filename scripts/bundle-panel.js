/**
 * Makes modules/web/panel/built: the admin panel, each of its files minified and gzipped, as the board has them for
 * resources. Runs at `npm ci`. The same sources give the same bytes, so that an ETag stays.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "modules", "web", "panel");
const built = join(folder, "built");
/** Of the three together, on the wire. */
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

/** Indentation is all that there is to leave out. */
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
if (total > MAX_BYTES) throw new Error(`the panel has ${total} bytes, of ${MAX_BYTES} that it may have`);
