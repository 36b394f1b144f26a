import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import mqtt from "mqtt";
import { findSQLite } from "../host-tests/suites/sqlite.js";
import { waitFor } from "../host-tests/tools/cli/wait.js";
import { checkConfig, readConfig, writeConfig } from "./config.js";
import { Registry } from "./registry.js";
import { openSQLiteStore } from "./sqlite-store.js";

/** Limit for a command, ms. A command that does not exit after an error is killed and has no status. */
const LIMIT_MS = 4000;
const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const hasSQLite = await findSQLite();
let folder: string;
let config: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-cli-"));
  config = join(folder, "platform.json");
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Runs `npm run platform -- <words>`. */
function platform(...words: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["scripts/run.js", "platform-stub/cli.ts", ...words],
    {
      cwd: ROOT,
      encoding: "utf8",
      timeout: LIMIT_MS,
      env: { ...process.env, PLUGPASS_TOKEN: "a-token", PLUGPASS_BROKER_PASSWORD: "secret-1" },
    },
  );
  return { status, output: stdout + stderr };
}

function addUser(): { status: number | null; output: string } {
  return platform("add-user", "--config", config, "--email", "owner@cafe.example");
}

test("add-user, add-device and add-tag create a configuration without printing the response key", () => {
  expect(addUser()).toMatchObject({ status: 0 });
  const device = platform(
    "add-device",
    "--config",
    config,
    "--id",
    "station-1",
    "--owner",
    "owner@cafe.example",
  );
  expect(device).toMatchObject({ status: 0 });
  const words = [
    "--tag",
    "GUEST-0001",
    "--owner",
    "owner@cafe.example",
    "--stations",
    "station-1",
    "--blocked",
  ];
  expect(platform("add-tag", "--config", config, ...words)).toMatchObject({ status: 0 });
  const { users, devices, tags } = readConfig(config);
  expect(users).toEqual([{ email: "owner@cafe.example", token: "a-token" }]);
  expect(devices).toEqual([
    {
      id: "station-1",
      owner: "owner@cafe.example",
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      cipher: "aes-256-gcm",
      password: expect.stringMatching(/^[A-Za-z0-9_-]{32}$/),
    },
  ]);
  expect(tags).toEqual([
    { tag: "GUEST-0001", owner: "owner@cafe.example", stations: ["station-1"], blocked: true },
  ]);
  expect(statSync(config).mode & 0o777).toBe(0o600);
  expect(device.output).not.toContain(devices[0]?.key);
});

test("add-tag makes a card with a secret and its file, and prints no secret", () => {
  addUser();
  const cardFile = join(folder, "sub", "card.json");
  const owner = ["--owner", "owner@cafe.example"];
  const { status, output } = platform(
    ...[
      "add-tag",
      "--config",
      config,
      ...owner,
      "--accepts",
      "proof",
      "--label",
      "Anna",
      "--card-file",
      cardFile,
    ],
  );
  expect(output).toMatch(/^made the number [a-z2-7]{16}\nsaved the tag …/);
  expect(status).toBe(0);
  const [card] = readConfig(config).tags;
  const file = { v: 1, cardId: card?.tag, secret: card?.secret, label: "Anna" };
  expect(JSON.parse(readFileSync(cardFile, "utf8"))).toEqual(file);
  expect(statSync(cardFile).mode & 0o777).toBe(0o600);
  expect(output).not.toContain(card?.secret);
  // Another change of the file keeps the secret.
  platform("add-tag", "--config", config, ...owner, "--tag", card?.tag ?? "", "--accepts", "both");
  expect(readConfig(config).tags).toEqual([
    { tag: card?.tag, owner: "owner@cafe.example", accepts: "both", secret: card?.secret },
  ]);
});

test("add-tag warns of a number that can be guessed", () => {
  addUser();
  const words = ["--owner", "owner@cafe.example", "--tag", "GUEST-0001"];
  const { output } = platform("add-tag", "--config", config, ...words);
  expect(output).toContain(
    "warning: GUEST-0001 can be guessed: it is a word and 4 digits. Let the platform make",
  );
});

test.each([
  ["a file for a card without a secret", ["--card-file", "x.json"], "add --accepts proof, or both"],
  [
    "proofs with a number of its own",
    ["--tag", "GUEST-0001", "--accepts", "proof"],
    "16 characters of a-z 2-7",
  ],
])("add-tag refuses %s and changes nothing", (_what, words, sentence) => {
  addUser();
  const before = readFileSync(config, "utf8");
  const { status, output } = platform(
    ...["add-tag", "--config", config, "--owner", "owner@cafe.example", ...words],
  );
  expect(status).toBe(1);
  expect(output).toContain(sentence);
  expect(readFileSync(config, "utf8")).toBe(before);
});

test("add-user refuses an existing user and changes nothing", () => {
  addUser();
  const before = readFileSync(config, "utf8");
  const { status, output } = addUser();
  expect(status).toBe(1);
  expect(output).toContain("the user owner@cafe.example already exists");
  expect(readFileSync(config, "utf8")).toBe(before);
});

(hasSQLite ? test : test.skip)(
  "rotate-key offers a new key to a station of a platform that may be running",
  async () => {
    addUser();
    platform("add-device", "--config", config, "--id", "station-1", "--owner", "owner@cafe.example");
    const { status, output } = platform("rotate-key", "--config", config, "--station", "station-1");
    expect(output).toBe("station-1 gets a new response key while the platform runs with its admin page\n");
    expect(status).toBe(0);
    const store = await openSQLiteStore(join(folder, "platform.sqlite"));
    expect(store.devices.get("station-1")?.nextKey).toMatch(/^[0-9a-f]{64}$/);
    store.close();
    expect(platform("rotate-key", "--config", config, "--station", "x").output).toBe("x is not a station\n");
  },
);

test.each<[string, string[], string]>([
  ["add-user --token", ["add-user", "--token", "a-secret"], "set PLUGPASS_TOKEN or use --token-file"],
  [
    "mosquitto --password",
    ["mosquitto", "--password", "a-secret"],
    "set PLUGPASS_BROKER_PASSWORD or use --password-file",
  ],
  ["a password in --broker", ["--broker", "mqtt://me:a-secret@127.0.0.1"], "use --broker-password-file"],
])("refuses %s, because other users could read it", (_name, words, sentence) => {
  const { status, output } = platform(...words);
  expect(status).toBe(1);
  expect(output).toContain("ther users of this machine can read");
  expect(output).toContain(sentence);
});

test("add-device refuses an unknown owner", () => {
  addUser();
  const { status, output } = platform(
    "add-device",
    "--config",
    config,
    "--id",
    "x",
    "--owner",
    "who@cafe.example",
  );
  expect(status).toBe(1);
  expect(output).toContain("add the user first");
});

(hasSQLite ? describe : describe.skip)("npm run platform -- expect", () => {
  const words = ["expect", "--config"];

  test("records in the database that an owner accepts the named station", async () => {
    addUser();
    const { status, output } = platform(
      ...words,
      config,
      "--owner",
      "owner@cafe.example",
      "--station",
      "x-1",
    );
    expect(output).toBe("owner@cafe.example accepts x-1 within one hour\n");
    expect(status).toBe(0);
    const store = await openSQLiteStore(join(folder, "platform.sqlite"));
    const registry = new Registry(undefined, { store });
    expect(registry.acceptances).toMatchObject([{ owner: "owner@cafe.example", device: "x-1" }]);
    store.close();
  });

  test.each([
    [
      "an unknown owner",
      ["--owner", "who@cafe.example", "--station", "x-1"],
      "who@cafe.example is not a user and cannot accept a station",
    ],
    [
      "an invalid device id",
      ["--owner", "owner@cafe.example", "--station", "a b"],
      "--station a b is not a device id",
    ],
  ])("refuses %s", (_name, more, sentence) => {
    addUser();
    expect(platform(...words, config, ...more)).toEqual({ status: 1, output: `${sentence}\n` });
  });
});

test("npm run platform -- mosquitto writes Mosquitto's files without plain-text tokens", () => {
  addUser();
  const out = join(folder, "mosquitto");
  const { status, output } = platform("mosquitto", "--config", config, "--out", out);
  expect(status).toBe(0);
  expect(output).not.toContain("secret-1");
  expect(readFileSync(join(out, "passwords"), "utf8")).not.toContain("a-token");
});

describe("npm run platform", () => {
  beforeEach(() => writeConfig(config, checkConfig({}, config)));

  /** Starts the platform, does some work with it, and returns its output. */
  async function outputOf(
    words: readonly string[],
    work: (url: string) => Promise<void> = async () => {},
  ): Promise<string> {
    const ports = ["--port", "0", "--admin-port", "0"];
    const all = ["scripts/run.js", "platform-stub/cli.ts", "--config", config, ...ports, ...words];
    const child = spawn(process.execPath, all, { cwd: ROOT, timeout: LIMIT_MS });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes) => {
        output += bytes;
      });
    }
    const closed = new Promise((done) => child.once("close", done));
    try {
      const [, port] = await waitFor("it is up", () => /port (\d+); Ctrl-C/.exec(output) ?? undefined);
      await work(`mqtt://127.0.0.1:${port}`);
    } finally {
      child.kill("SIGINT");
      await closed;
    }
    return output;
  }

  test.each([
    ["0.0.0.0", "the platform is up at 127.0.0.1 port"],
    ["127.0.0.1", "the platform is up at 127.0.0.1 port"],
  ])("listening at %s prints an address that clients can reach", async (host, expected) => {
    const output = await outputOf(["--host", host]);
    expect(output).toContain(expected);
    expect(output).toContain("the platform is down");
  });

  test("escapes line ends and control characters of a refused client id in its log", async () => {
    const refused = { clientId: "x\u001b[2J\r\nrefused: nothing", username: "who", password: "no" };
    const output = await outputOf([], async (url) => {
      await expect(mqtt.connectAsync(url, refused, false)).rejects.toThrow("Bad username or password");
    });
    expect(output).toContain("refused: x\\u{1b}[2J\\u{d}\\u{a}refused: nothing: wrong user or token\n");
    expect(output).not.toContain("\u001b");
  });

  test("exits with an error when the port is in use", async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const { status, output } = platform("--config", config, "--port", String(port));
    server.close();
    expect(output).toBe(`port ${port} is in use; choose another with --port, or 0 for a free one\n`);
    expect(status).toBe(1);
  });

  test.each(["nosuch.invalid", "192.0.2.1"])("exits with an error when it cannot listen at %s", (host) => {
    const { status, output } = platform("--config", config, "--host", host, "--port", "0");
    expect(output).toBe(`${host} is not an address of this machine; choose another with --host\n`);
    expect(status).toBe(1);
  });
});
