import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { brokerOption, readSecret } from "./secrets.js";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-secrets-"));
  file = join(folder, "secret");
});

afterEach(() => rmSync(folder, { recursive: true }));

function read(environment: NodeJS.ProcessEnv, named?: string): string | undefined {
  return readSecret({ variable: "SECRET", flag: "--secret-file", file: named, environment });
}

describe("readSecret", () => {
  test("reads the environment, or the line of a file", () => {
    expect(read({})).toBeUndefined();
    expect(read({ SECRET: "" })).toBeUndefined();
    expect(read({ SECRET: "from the environment" })).toBe("from the environment");
    writeFileSync(file, "from a file\n");
    expect(read({}, file)).toBe("from a file");
  });

  test("refuses both together, a missing file, and more than one line", () => {
    writeFileSync(file, "one\ntwo\n");
    expect(() => read({ SECRET: "x" }, file)).toThrow("use either SECRET or --secret-file");
    expect(() => read({}, join(folder, "missing"))).toThrow("cannot be read (ENOENT)");
    expect(() => read({}, file)).toThrow("must have 1-128 characters on one line");
  });
});

describe("brokerOption", () => {
  test("refuses a password in a URL and does not repeat it", () => {
    expect(() => brokerOption("mqtt://user:secret@127.0.0.1")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret@") }),
    );
    expect(brokerOption("mqtt://user@127.0.0.1")).toBe("mqtt://user@127.0.0.1");
    expect(brokerOption("nonsense")).toBe("nonsense");
  });
});
