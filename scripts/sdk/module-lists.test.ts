import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { bundledModuleLists, bundleFolderOf, moduleLists, writeModuleLists } from "./module-lists.js";
import type { ManifestFolder } from "./targets.js";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "plugpass-modules-"));
  put("manifests/board/manifest.json", JSON.stringify({ creation: { main: "firmware/main" } }));
});

afterEach(() => rmSync(root, { recursive: true }));

function put(name: string, content: string): void {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function board(preload: ManifestFolder["preload"] = "all"): ManifestFolder {
  return { name: "board", platform: "esp32", preload };
}

describe("moduleLists", () => {
  test("lists the modules that the main module imports, from any folder, by their paths", async () => {
    put("firmware/main.ts", 'import "./deep/er/part.js";\nimport "timer";\n');
    put("firmware/deep/er/part.ts", 'export * from "../../../modules/bundled.js";\n');
    put("modules/bundled.js", "export const a = 1;\n");
    put("modules/unused.ts", "export const b = 1;\n");
    expect(await moduleLists(board(), root)).toEqual({
      modules: {
        "firmware/deep/er/part": "../../firmware/deep/er/part",
        "firmware/main": "../../firmware/main",
        "modules/bundled": "../../modules/bundled",
      },
      preload: ["firmware/deep/er/part", "firmware/main", "modules/bundled"],
    });
  });

  test("omits modules that are imported only for their types", async () => {
    put("firmware/main.ts", 'import type { A } from "./types.js";\nexport const a: A = 1;\n');
    put("firmware/types.ts", "export type A = number;\n");
    expect(Object.keys((await moduleLists(board(), root)).modules)).toEqual(["firmware/main"]);
  });

  test("lists modules of npm by their specifiers", async () => {
    put("firmware/main.ts", 'import "@noble/ciphers/aes.js";\n');
    put("node_modules/@noble/ciphers/aes.js", 'import "./utils.js";\n');
    put("node_modules/@noble/ciphers/utils.js", "");
    expect((await moduleLists(board(), root)).modules).toMatchObject({
      "@noble/ciphers/aes": "../../node_modules/@noble/ciphers/aes",
      "@noble/ciphers/utils": "../../node_modules/@noble/ciphers/utils",
    });
  });

  test("replaces a module by another source under the same name", async () => {
    put("firmware/main.ts", 'import "./a/pins.js";\n');
    put("firmware/a/pins.ts", "");
    put("firmware/a/beside.ts", "");
    // XS resolves a specifier against the importing module's name.
    put("firmware/b/pins.ts", 'import "./beside.js";\n');
    const replaced = { "firmware/a/pins": "firmware/b/pins" };
    const { modules, preload } = await moduleLists({ ...board(), replaced }, root);
    expect(modules).toEqual({
      "firmware/a/beside": "../../firmware/a/beside",
      "firmware/a/pins": "../../firmware/b/pins",
      "firmware/main": "../../firmware/main",
    });
    expect(preload).toEqual(["firmware/a/beside", "firmware/a/pins", "firmware/main"]);
  });

  test("preloads only the portable firmware, or no module, as the manifest requires", async () => {
    put("firmware/main.ts", 'import "./clock.js";\nimport "./start.js";\nimport "../host-tests/world.js";\n');
    put("firmware/clock.ts", 'import "timer";\nimport "./ticks.js";\n');
    put("firmware/ticks.ts", "");
    put("firmware/start.ts", 'import "../modules/charging.js";\n');
    put("modules/charging.ts", "");
    put("host-tests/world.ts", "");
    expect((await moduleLists(board("portable firmware"), root)).preload).toEqual([
      "firmware/start",
      "modules/charging",
    ]);
    expect((await moduleLists(board("none"), root)).preload).toEqual([]);
  });

  test("throws an error with specifier and importer of a missing module", async () => {
    put("firmware/main.ts", 'import "node:fs";\n');
    await expect(moduleLists(board(), root)).rejects.toThrow(/firmware\/main\.ts.*the module node:fs/);
  });

  test("throws an error with the path of a manifest without a main module", async () => {
    put("manifests/board/manifest.json", "{}");
    await expect(moduleLists(board(), root)).rejects.toThrow("board/manifest.json has no creation.main");
  });
});

describe("bundledModuleLists", () => {
  test("writes constants that are numbers where they are used", async () => {
    put(
      "firmware/main.ts",
      [
        "const A_MS = 5 * 60_000;",
        "const MASK = 0xff;",
        "const NAME = 'A_MS';",
        "export const ALL = 3;",
        "export const a = { A_MS, b: A_MS & MASK, NAME, ALL, f: (MASK: number) => MASK };",
        "",
      ].join("\n"),
    );
    await bundledModuleLists(board(), root);
    const bundle = readFileSync(join(root, "build/firmware/board/main.js"), "utf8");
    const module = await import(`data:text/javascript,${encodeURIComponent(bundle)}`);
    expect(bundle).not.toMatch(/var (A_MS|MASK) =/);
    expect({ ...module.a, f: module.a.f(7) }).toEqual({
      A_MS: 300_000,
      b: 300_000 & 0xff,
      NAME: "A_MS",
      ALL: 3,
      f: 7,
    });
  });

  const bundle = () => readFileSync(join(root, "build/firmware/board/main.js"), "utf8");

  test("lists one module, which contains all others and imports the SDK's", async () => {
    put("firmware/main.ts", 'import Timer from "timer";\nimport { a } from "./a.js";\nTimer.set(a, 1);\n');
    put("firmware/a.ts", "export const a = 12345;\nexport const unused = 67890;\n");
    expect(await bundledModuleLists(board(), root)).toEqual({
      modules: { "firmware/main": "../../build/firmware/board/main" },
      preload: ["firmware/main"],
    });
    expect(bundle()).toMatch(/^import Timer from "timer";$/m);
    expect(bundle()).toContain("12345");
    expect(bundle()).not.toContain("67890");
  });

  test("contains the source that replaces a module", async () => {
    put("firmware/main.ts", 'import { pin } from "./a/pins.js";\nexport default pin;\n');
    put("firmware/a/pins.ts", "export const pin = 11111;\n");
    put("firmware/b/pins.ts", "export const pin = 22222;\n");
    await bundledModuleLists({ ...board(), replaced: { "firmware/a/pins": "firmware/b/pins" } }, root);
    expect(bundle()).toContain("22222");
    expect(bundle()).not.toContain("11111");
  });

  test("is written again, and so linked again, once its folder was removed", async () => {
    put("firmware/main.ts", "export default 1;\n");
    await bundledModuleLists(board(), root);
    const file = join(bundleFolderOf(board(), root), "main.js");
    utimesSync(file, 1, 1);
    await bundledModuleLists(board(), root);
    expect(statSync(file).mtimeMs).toBe(1000);
    rmSync(bundleFolderOf(board(), root), { recursive: true });
    await bundledModuleLists(board(), root);
    expect(statSync(file).mtimeMs).toBeGreaterThan(1000);
  });

  test("defines no fields without a value, which the chip would execute", async () => {
    put("firmware/main.ts", "export class A { secretField?: number; }\n");
    await bundledModuleLists(board(), root);
    expect(bundle()).not.toContain("secretField");
  });
});

describe("writeModuleLists", () => {
  const file = () => join(root, "manifests/board/modules.json");

  test("adds a new module of the firmware", async () => {
    put("firmware/main.ts", "");
    await writeModuleLists(board(), { isBundled: false, root });
    put("firmware/main.ts", 'import "./new.js";\n');
    put("firmware/new.ts", "");
    await writeModuleLists(board(), { isBundled: false, root });
    expect(JSON.parse(readFileSync(file(), "utf8")).modules).toHaveProperty(["firmware/new"]);
  });

  test("does not write a file that is up to date", async () => {
    put("firmware/main.ts", "");
    await writeModuleLists(board(), { isBundled: false, root });
    utimesSync(file(), 1, 1);
    await writeModuleLists(board(), { isBundled: false, root });
    expect(statSync(file()).mtimeMs).toBe(1000);
  });
});
