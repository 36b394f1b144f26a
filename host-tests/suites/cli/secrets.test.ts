/** Secrets in flags, which other users of the machine could read, are refused. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ROOT } from "../../tools/imports.js";

const LIMIT_MS = 60_000;

test.each<[string, string, string[], string]>([
  [
    "phone pair --token",
    "phone.ts",
    ["pair", "--email", "a@b.example", "--token", "hush"],
    "set PLUGPASS_TOKEN",
  ],
  ["phone pair --psk", "phone.ts", ["pair", "--email", "a@b.example", "--psk", "hush"], "set PLUGPASS_PSK"],
  [
    "phone pair --admin-password",
    "phone.ts",
    ["pair", "--email", "a@b.example", "--admin-password", "hush"],
    "set PLUGPASS_ADMIN_PASSWORD",
  ],
  ["station --psk", "station.ts", ["--psk", "hush"], "set PLUGPASS_PSK"],
  [
    "start --broker with a password",
    "start.ts",
    ["--broker", "mqtt://a:hush@127.0.0.1"],
    "--broker-password-file",
  ],
])(
  "%s is refused with the way to give the secret",
  (_name, file, words, instead) => {
    const args = ["scripts/run.js", join("host-tests/tools", file), ...words];
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: ROOT,
      encoding: "utf8",
      timeout: LIMIT_MS,
    });
    expect(stderr).toContain(instead);
    expect(status).toBe(1);
  },
  LIMIT_MS,
);
