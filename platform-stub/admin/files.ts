import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForBrowser } from "./bundle-for-browser.js";

export interface PageFile {
  readonly type: string;
  readonly body: Uint8Array;
}

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "page");
const TARGET = "es2022";

/** The page's files by their paths, its script and its style sheet bundled. */
export async function readPage(): Promise<ReadonlyMap<string, PageFile>> {
  const bundled = (name: string) => bundleForBrowser({ file: join(FOLDER, name), target: TARGET });
  return new Map([
    ["/", { type: "text/html; charset=utf-8", body: readFileSync(join(FOLDER, "index.html")) }],
    ["/page.css", { type: "text/css; charset=utf-8", body: await bundled("page.css") }],
    ["/page.js", { type: "text/javascript; charset=utf-8", body: await bundled("page.ts") }],
  ]);
}
