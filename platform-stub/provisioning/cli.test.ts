/** Tests of the commands as processes. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { readConfig, writeConfig } from "../config.js";
import { Registry } from "../registry.js";
import { identityIn } from "./identity.js";
import { readNVSImage } from "./nvs-reader.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TOKEN = "a-token-of-this-test";

let directory: string;
let out: string;
let running: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "plugpass-provision-cli-"));
  out = join(directory, "out");
  running = [];
});

afterEach(async () => {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await new Promise((done) => child.once("exit", done));
  }
  rmSync(directory, { recursive: true });
});

interface Run {
  readonly child: ChildProcess;
  /** Standard output and error so far. */
  readonly output: { text: string };
  readonly ended: Promise<number | null>;
}

function start(file: string, args: readonly string[], token?: string): Run {
  const env = { ...process.env, PLUGPASS_PROVISIONING_TOKEN: token };
  const child = spawn(process.execPath, ["scripts/run.js", file, ...args], { cwd: ROOT, env });
  running.push(child);
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output.text += data;
    });
  }
  return { child, output, ended: new Promise((done) => child.once("close", done)) };
}

async function provision(...args: string[]): Promise<{ code: number | null; text: string }> {
  const { output, ended } = start("platform-stub/provisioning/cli.ts", args, TOKEN);
  return { code: await ended, text: output.text };
}

async function matchOutput(run: Run, pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const match = pattern.exec(run.output.text);
    if (match) return match;
    if (run.child.exitCode !== null) throw new Error(`the command has exited: ${run.output.text}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

function secretsIn(path: string): string[] {
  return readdirSync(path)
    .filter((name) => name.endsWith(".nvs.bin"))
    .flatMap((name) => {
      const identity = identityIn(readFileSync(join(path, name)));
      if (!identity) throw new Error(`${name} has no identity`);
      return [identity.key, identity.accessPointPassword, identity.adminPassword];
    });
}

describe("npm run provision", () => {
  test("makes stations and prints their ids, but no secrets", async () => {
    const { code, text } = await provision("--product", "cafe", "--count", "2", "--out", out);
    expect(code).toBe(0);
    expect(text).toMatch(/^made cafe-[0-9a-f]{8}\nmade cafe-[0-9a-f]{8}\n/);
    expect(text).toContain(
      `${out} has 2 stations of cafe, 2 of them new\nthe new ones have the wiring that is built into the firmware\n`,
    );
    const secrets = secretsIn(out);
    expect(secrets).toHaveLength(6);
    for (const secret of secrets) expect(text).not.toContain(secret);
  }, 20_000);

  test("puts the wiring of a board into each image, and prints warnings", async () => {
    const board = "docs/boards/esp32-evse-devkitc.json";
    const { code, text } = await provision(
      "--product",
      "cafe",
      "--count",
      "2",
      "--out",
      out,
      "--board",
      board,
    );
    expect(code).toBe(0);
    expect(text).toContain("warning: contactorFeedbackPin: without a feedback contact");
    expect(text).toContain(`the new ones have the wiring of ${board}\n`);
    for (const name of readdirSync(out).filter((one) => one.endsWith(".nvs.bin"))) {
      const device = readNVSImage(readFileSync(join(out, name)))
        .get("plugpass")
        ?.get("device");
      const { wiring } = JSON.parse(Buffer.from(device ?? []).toString());
      expect(wiring).toMatchObject({ chip: "esp32", contactorPin: 26, controlPilot: { generatorPin: 27 } });
    }
  }, 20_000);

  test("makes no station with a wiring file that has mistakes", async () => {
    const board = join(directory, "board.json");
    writeFileSync(board, '{"chip":"esp32","relay":26}');
    const { code, text } = await provision(
      "--product",
      "cafe",
      "--count",
      "1",
      "--out",
      out,
      "--board",
      board,
    );
    expect(code).toBe(1);
    expect(text).toContain(
      `${board} is not a valid wiring:\n  controlPilot is missing\n  contactorPin is missing\n`,
    );
    expect(text).toContain("\n  relay is unknown; the fields are chip, ");
    expect(existsSync(out)).toBe(false);
  }, 20_000);

  test("makes the requested number of stations after it is killed and repeated", async () => {
    const args = ["--product", "cafe", "--count", "150", "--out", out];
    const first = start("platform-stub/provisioning/cli.ts", args);
    await matchOutput(first, /made (.*\n){5}/);
    first.child.kill("SIGKILL");
    await first.ended;
    const { code, text } = await provision(...args);
    expect(code).toBe(0);
    expect(text).toContain("has 150 stations of cafe");
    expect(readdirSync(out)).toHaveLength(5 * 150 + 1);
    const ids = readFileSync(join(out, "manifest.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).id);
    expect(new Set(ids).size).toBe(150);
  }, 60_000);

  test.each<[string, string[], string]>([
    ["an invalid product", ["--product", "a/b", "--count", "1"], '"a/b" is not a product id'],
    ["an invalid count", ["--product", "cafe", "--count", "none"], "must be a whole number from 1"],
    [
      "an invalid time server",
      ["--product", "cafe", "--count", "1", "--time-server", "http://time"],
      "must be a host name or an IPv4 address",
    ],
    [
      "an installation limit of 5 A",
      ["--product", "cafe", "--count", "1", "--installation-limit", "5"],
      "must be a whole number from 6 to 32",
    ],
    ["a title of two lines", ["--product", "cafe", "--count", "1", "--title", "a\nb"], "on one line"],
    [
      "an invalid size",
      ["--product", "cafe", "--count", "1", "--partition-size", "big"],
      "must be a number of bytes",
    ],
    [
      "two sources",
      ["--product", "cafe", "--count", "1", "--platform", "http://127.0.0.1:1", "--config", "x"],
      "--platform and --config exclude each other",
    ],
    [
      "an unreachable platform",
      ["--product", "cafe", "--count", "1", "--platform", "http://127.0.0.1:1"],
      "the platform at http://127.0.0.1:1 cannot be reached",
    ],
  ])(
    "exits with 1 and a message for %s",
    async (_name, args, message) => {
      const { code, text } = await provision(...args, "--out", out);
      expect(text).toContain(message);
      expect(text).not.toContain("    at ");
      expect(code).toBe(1);
    },
    20_000,
  );
});

describe("npm run platform -- --provisioning-port", () => {
  let config: string;

  beforeEach(() => {
    config = join(directory, "platform.json");
    const registry = new Registry();
    registry.addUser({ email: "owner@cafe.example", token: "secret" });
    writeConfig(config, registry.data);
  });

  const args = () => ["--port", "0", "--no-admin", "--provisioning-port", "0", "--config", config];

  test("provides devices for npm run provision without printing their keys", async () => {
    const platform = start("platform-stub/cli.ts", args(), TOKEN);
    const [, url = ""] = await matchOutput(platform, /provisioning is served at (http:\S+)\n/);
    const { code, text } = await provision(
      "--product",
      "cafe",
      "--count",
      "2",
      "--out",
      out,
      "--platform",
      url,
    );
    expect(text).toContain("has 2 stations of cafe");
    expect(code).toBe(0);
    const { devices } = readConfig(config);
    expect(devices).toHaveLength(2);
    for (const { id, key } of devices) {
      expect(identityIn(readFileSync(join(out, `${id}.nvs.bin`)))).toMatchObject({ id, key });
      expect(platform.output.text).toContain(`added ${id}`);
      expect(platform.output.text).not.toContain(key);
    }
    platform.child.kill("SIGTERM");
    expect(await platform.ended).toBe(0);
  }, 30_000);

  test("requires a token", async () => {
    const platform = start("platform-stub/cli.ts", args(), "");
    expect(await platform.ended).toBe(1);
    expect(platform.output.text).toContain("set PLUGPASS_PROVISIONING_TOKEN to 16-256");
  }, 20_000);
});
