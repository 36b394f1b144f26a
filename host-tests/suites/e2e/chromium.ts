import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { skipFor } from "../optional.js";

/** As Debian, others and Google call it. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The browser's program; `undefined`, with one line that says how to get it, where there is none. */
export function findChromium(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"];
  const files = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = files.find((file) => existsSync(file));
  if (found === undefined) skipFor("Chromium is not installed; apt-get install chromium");
  return found;
}

/** With a profile of its own that goes with it. */
export function startChromium(program: string): Promise<Browser> {
  return chromium.launch({
    executablePath: program,
    chromiumSandbox: false,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}
