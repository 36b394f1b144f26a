import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ROOT } from "../../tools/imports.js";
import { WORD_RULES } from "./words.js";

const DOCUMENTS = [
  ...readdirSync(ROOT),
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((path) => join("docs", path)),
].filter((path) => path.endsWith(".md"));

function read(document: string): string {
  return readFileSync(join(ROOT, document), "utf8");
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");
}

function anchorsIn(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map((heading) => anchorOf(heading[1] ?? ""));
}

/** Links and pictures of the project itself that lead to no file or to no heading. */
function brokenLinks(document: string, markdown: string): string[] {
  const links = [...markdown.matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)].map(
    (link) => link[1] ?? link[2] ?? "",
  );
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? document : join(dirname(document), path);
    if (!existsSync(join(ROOT, target))) return true;
    const text = target === document ? markdown : anchor === undefined ? "" : read(target);
    return anchor !== undefined && !anchorsIn(text).includes(anchor);
  });
}

describe("the documents at the top and in docs/", () => {
  test.each(DOCUMENTS)("%s has no broken link", (document) => {
    expect(brokenLinks(document, read(document))).toEqual([]);
  });

  test.each(DOCUMENTS)("%s names only commands that package.json has", (document) => {
    const { scripts } = JSON.parse(read("package.json"));
    const names = [...read(document).matchAll(/npm run ([\w:-]*\w)(?![\w:…])/g)].map(
      (found) => found[1] ?? "",
    );
    expect(names.filter((name) => !(name in scripts))).toEqual([]);
  });

  test.each(DOCUMENTS)("%s names roles", (document) => {
    const lines = read(document).split("\n");
    const findings = lines.filter((line) => WORD_RULES.some(({ pattern }) => pattern.test(line)));
    expect(findings).toEqual([]);
  });

  test.each(["[x](nothing.md)", "[x](#nothing)", "[x](docs/protocol.md#nothing)", '<img src="nothing.png">'])(
    "a check finds the broken link in %s",
    (markdown) => {
      expect(brokenLinks("README.md", markdown)).toHaveLength(1);
    },
  );
});
