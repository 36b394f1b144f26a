import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { skipFor } from "../optional.js";

/** Names of the program in Debian, in other distributions and in Google's package. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Returns the path of the browser. Without one, logs how to install it and returns `undefined`. */
export function findChromium(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"];
  const files = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = files.find((file) => existsSync(file));
  if (found === undefined) skipFor("Chromium is not installed; apt-get install chromium");
  return found;
}

/** Starts the browser with a temporary profile. */
export function startChromium(program: string): Promise<Browser> {
  return chromium.launch({
    executablePath: program,
    chromiumSandbox: false,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}
