import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { isXSInstalled } from "../../tools/xs/engine.js";

describe("the XS engine", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "plugpass-xs-"));
  });

  afterEach(() => rmSync(root, { recursive: true }));

  test("is not installed when the package has no compiled worker", () => {
    const folder = join(root, "node_modules/@agoric/xsnap");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), "{}");
    expect(isXSInstalled(root, "linux")).toBe(false);
  });

  test.each<[NodeJS.Platform, string, boolean]>([
    ["linux", "lin", true],
    ["darwin", "mac", true],
    ["win32", "win", false],
  ])("with a worker compiled on %s is found, or unsupported", (system, name, isInstalled) => {
    const folder = join(root, "node_modules/@agoric/xsnap/xsnap-native/xsnap/build/bin", name, "release");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "xsnap-worker"), "");
    expect(isXSInstalled(root, system)).toBe(isInstalled);
  });
});
