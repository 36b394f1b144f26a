import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { builtCommand } from "./built-command.js";

const RUN = fileURLToPath(new URL("run.js", import.meta.url));

let folder: string;
let root: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-command-"));
  root = join(folder, "project");
  put("package.json", '{ "type": "module" }');
  put("tools/hello.ts", 'import { word } from "./word.js";\nconsole.log(word as string);\n');
  put("tools/word.ts", 'export const word = "one";\n');
});

afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, content: string): void {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

async function output(): Promise<string> {
  const script = await builtCommand("tools/hello.ts", root);
  const { stdout, stderr } = spawnSync(process.execPath, ["--enable-source-maps", script], {
    encoding: "utf8",
  });
  return stdout + stderr;
}

describe("builtCommand", () => {
  test("builds a command once", async () => {
    expect(await output()).toBe("one\n");
    const script = await builtCommand("tools/hello.ts", root);
    const { mtimeMs } = statSync(script);
    expect(await builtCommand("tools/hello.ts", root)).toBe(script);
    expect(statSync(script).mtimeMs).toBe(mtimeMs);
  });

  test("builds again after a change of an imported file", async () => {
    await output();
    put("tools/word.ts", 'export const word = "two";\n');
    expect(await output()).toBe("two\n");
  });

  test("builds again after an imported file was moved", async () => {
    await output();
    renameSync(join(root, "tools/word.ts"), join(root, "tools/term.ts"));
    await expect(output()).rejects.toThrow("./word.js");
    put("tools/hello.ts", 'import { word } from "./term.js";\nconsole.log(word);\n');
    expect(await output()).toBe("one\n");
  });

  test("builds again after a change of a package", async () => {
    put("node_modules/words/package.json", '{ "main": "index.js" }');
    put("node_modules/words/index.js", 'module.exports = require("node:path").sep + "old";\n');
    put("tools/hello.ts", 'import words from "words";\nconsole.log(words);\n');
    expect(await output()).toBe("/old\n");
    put("node_modules/words/index.js", 'module.exports = "new";\n');
    expect(await output()).toBe("new\n");
  });

  test("supports a source that makes its own `require`, beside a package that calls `require`", async () => {
    put("node_modules/words/package.json", '{ "main": "index.js" }');
    put("node_modules/words/index.js", 'module.exports = require("node:path").sep;\n');
    put(
      "tools/hello.ts",
      `import { createRequire } from "node:module";
      import words from "words";
      function load(name: string): unknown {
        const require = createRequire(import.meta.url);
        return require(name);
      }
      console.log(words, typeof load("node:fs"));\n`,
    );
    expect(await output()).toBe("/ object\n");
  });

  test("builds again after the project was moved: sources find their files by absolute path", async () => {
    put("tools/hello.ts", "console.log(import.meta.url);\n");
    expect(await output()).toContain("/project/tools/hello.ts");
    renameSync(root, join(folder, "elsewhere"));
    root = join(folder, "elsewhere");
    expect(await output()).toContain("/elsewhere/tools/hello.ts");
  });

  test("builds again when its record is damaged", async () => {
    await output();
    put("build/commands/tools-hello.json", "{");
    expect(await output()).toBe("one\n");
  });

  test("keeps at most two builds", async () => {
    for (const word of ["one", "two", "three", "four"]) {
      put("tools/word.ts", `export const word = "${word}";\n`);
      expect(await output()).toBe(`${word}\n`);
    }
    const files = readdirSync(join(root, "build/commands"));
    expect(files.filter((file) => file.endsWith(".js"))).toHaveLength(2);
    expect(files).toHaveLength(3);
  });

  test("reports an error with the line of the source", async () => {
    put(
      "tools/word.ts",
      '\ninterface Unused {}\nexport const word: Unused = fail();\nfunction fail(): Unused {\n  throw new Error("no word");\n}\n',
    );
    expect(await output()).toMatch(/no word[\s\S]*tools\/word\.ts:5/);
  });
});

describe("run.js", () => {
  test("prints its usage without the file of a command", () => {
    const { status, stderr } = spawnSync(process.execPath, [RUN], { encoding: "utf8" });
    expect(stderr).toContain("usage: node scripts/run.js");
    expect(status).toBe(1);
  });

  test("passes on the arguments and the exit code of a command", () => {
    const words = [RUN, "platform-stub/cli.ts", "run", "--no-such-option"];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect(stderr).toContain("--no-such-option");
    expect(status).toBe(1);
  });
});
