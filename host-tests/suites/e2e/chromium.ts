import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { expect } from "@jest/globals";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { ROOT } from "../../tools/imports.js";
import { skipFor } from "../optional.js";

/** Names of the program in Debian, in other distributions and in Google's package. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const IS_TAKING_PICTURES = process.env.PLUGPASS_PICTURES === "1";

export interface Screen {
  readonly width: number;
  readonly height: number;
}

export const PHONE: Screen = { width: 390, height: 844 };
export const DESK: Screen = { width: 1280, height: 800 };
/** Screens on which the tests show each page, by the name of their pictures. */
export const SCREENS = [
  ["phone", PHONE],
  ["desk", DESK],
] as const;

/** Returns the path of the browser. Without one, logs how to install it and returns `undefined`. */
export function findChromium(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"];
  const files = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = files.find((file) => existsSync(file));
  if (found === undefined) skipFor("Chromium is not installed; apt-get install chromium");
  return found;
}

/** A headless browser with a temporary profile, which records the errors of its pages. */
export class TestBrowser {
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  readonly #errors: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(program: string): Promise<TestBrowser> {
    const browser = await chromium.launch({
      executablePath: program,
      chromiumSandbox: false,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    return new TestBrowser(browser);
  }

  /** Opens a page with cookies of its own. The default is an English browser on a desk's screen. */
  async open(options: BrowserContextOptions, path = "/"): Promise<Page> {
    const context = await this.#browser.newContext({ locale: "en-GB", viewport: DESK, ...options });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.on("console", (message) => {
      // The browser itself logs failed requests and the statuses 400 and 401, which some tests provoke.
      if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
        this.#errors.push(message.text());
    });
    page.on("pageerror", (error) => this.#errors.push(error.message));
    await page.goto(path);
    return page;
  }

  /** Closes all pages and returns their errors. */
  async closePages(): Promise<string[]> {
    for (const context of this.#contexts.splice(0)) await context.close();
    return this.#errors.splice(0);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** Waits until an element contains the text. */
export async function waitForText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  const found = page.locator(selector).filter({ hasText: text }).first();
  await found.waitFor({ state: "attached", timeout: 20_000 });
}

/** Expects that axe finds no violations and that the page is not wider than the screen. */
export async function expectAccessible(page: Page): Promise<void> {
  // The pages' policy forbids scripts from elsewhere, so this one is injected by the debugger.
  await page.evaluate(AXE);
  const violations = await page.evaluate(
    "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))",
  );
  expect(violations).toEqual([]);
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
}

/** Takes a picture of the page for a document, only if PLUGPASS_PICTURES=1. `file` is relative to `docs`, without ending. */
export async function takePicture(page: Page, file: string): Promise<void> {
  if (!IS_TAKING_PICTURES) return;
  const path = join(ROOT, "docs", `${file}.png`);
  mkdirSync(join(path, ".."), { recursive: true });
  await page.screenshot({ path, fullPage: true });
}
