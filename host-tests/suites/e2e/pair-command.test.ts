/** `npm run phone -- pair` at a station that has an owner: its parameters are provisioned. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { VirtualStation } from "../../tools/cli/virtual-station.js";
import { waitFor } from "../../tools/cli/wait.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { World } from "../../virtual/world/world.js";
import { Command } from "./command.js";

/** Longer than the timeout of a command, so that the error shows its output. */
jest.setTimeout(40_000);

const PASSWORD = "initial-password";
const PRESET = {
  ssid: "Café",
  psk: "coffee-123",
  wsp: "a@b.example",
  token: "hush",
  host: "127.0.0.1",
  brport: "9",
};

let clock: NodeClock;
let station: VirtualStation;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "pair-command-"));
  clock = new NodeClock();
  const provisioning = { deviceId: "station-1", adminPassword: PASSWORD, preset: PRESET };
  station = new VirtualStation({ world: new World(clock, { intervalMs: 2 }), httpPort: 0, provisioning });
  station.boot();
  await waitFor("the HTTP API listens", () => station.httpPort > 0);
});

afterAll(() => {
  station.device.cutPower();
  clock.dispose();
  rmSync(directory, { recursive: true });
});

async function pair(words: readonly string[] = []): Promise<string> {
  const tokenFile = join(directory, "platform.json");
  const user = { email: PRESET.wsp, token: PRESET.token };
  writeFileSync(tokenFile, JSON.stringify({ users: [user], devices: [], tags: [] }));
  const url = `http://127.0.0.1:${station.httpPort}`;
  const phone = new Command("phone.ts", [
    ...["pair", "--url", url, "--email", PRESET.wsp, "--token-from", tokenFile],
    ...words,
  ]);
  expect(await phone.ended()).toBe(1);
  return phone.output;
}

function passwordFile(password: string): string[] {
  const file = join(directory, "password");
  writeFileSync(file, `${password}\n`);
  return ["--admin-password-file", file];
}

test("npm run phone -- pair reports a station that is not in pairing mode", async () => {
  expect(await pair()).toContain("the station is not in pairing mode; hold its button for 5 s");
});

test("npm run phone -- pair reports a preset field with another value, and its flag", async () => {
  station.device.interrupt(() => station.station?.enterPairingMode());
  expect(await pair([...passwordFile(PASSWORD), "--broker", "192.0.2.1:1883"])).toContain(
    "host is built in or provisioned; leave it out, or give the same value with --broker",
  );
});

test("npm run phone -- pair leaves out its defaults where the station has preset values", async () => {
  station.device.interrupt(() => station.station?.enterPairingMode());
  expect(await pair(passwordFile(PASSWORD))).toMatch(
    /^the station has accepted the parameters and connects\npairing failed: wifi-not-found/,
  );
});

test("npm run phone -- pair reports that an owned station needs the login", async () => {
  station.device.interrupt(() => station.station?.enterPairingMode());
  expect(await pair()).toContain("pairing needs its admin password; set PLUGPASS_ADMIN_PASSWORD");
  expect(await pair(passwordFile("wrong-password"))).toContain("the station refused the admin password");
});
