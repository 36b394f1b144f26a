import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { imageOf, randomId, randomKey, randomPassword } from "./identity.js";
import { encryptNVSImage, keysFromHMAC } from "./nvs-encryption.js";

let folder: string;
let station: string;
let image: Uint8Array<ArrayBuffer>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-encrypt-"));
  station = join(folder, "cafe-1.nvs.bin");
  image = imageOf({
    id: randomId("cafe"),
    product: "cafe",
    key: randomKey(),
    cipher: "aes-256-gcm",
    accessPointPassword: randomPassword(),
    adminPassword: randomPassword(),
  });
  writeFileSync(station, image);
});

afterEach(() => rmSync(folder, { recursive: true }));

function run(...words: string[]) {
  const args = [
    "scripts/run.js",
    "platform-stub/provisioning/encrypt-cli.ts",
    "--station",
    station,
    ...words,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { status, text: stdout + stderr };
}

const read = (name: string) => Uint8Array.from(readFileSync(join(folder, name)));

test("an ESP32-C3 gets an image that is encrypted with the HMAC key beside it, which only the owner can read", () => {
  expect(run("--chip", "esp32c3").status).toBe(0);
  const key = read("cafe-1.hmac-key.bin");
  expect(key).toHaveLength(32);
  expect(statSync(join(folder, "cafe-1.hmac-key.bin")).mode & 0o777).toBe(0o600);
  expect(read("cafe-1.encrypted.nvs.bin")).toEqual(encryptNVSImage(image, keysFromHMAC(key)));
});

test("a classic ESP32 gets the partition nvs_keys with the keys of its image", () => {
  expect(run("--chip", "esp32").status).toBe(0);
  const keys = read("cafe-1.nvs-keys.bin");
  expect(keys).toHaveLength(4096);
  const [dataKey, tweakKey] = [keys.subarray(0, 32), keys.subarray(32, 64)];
  expect(read("cafe-1.encrypted.nvs.bin")).toEqual(encryptNVSImage(image, { dataKey, tweakKey }));
});

test("a key that a board may have is never overwritten, and can be used again", () => {
  expect(run("--chip", "esp32c3").status).toBe(0);
  expect(run("--chip", "esp32c3").text).toContain("cafe-1.hmac-key.bin already exists");
  const first = read("cafe-1.encrypted.nvs.bin");
  rmSync(join(folder, "cafe-1.encrypted.nvs.bin"));
  expect(run("--chip", "esp32c3", "--key", join(folder, "cafe-1.hmac-key.bin")).status).toBe(0);
  expect(read("cafe-1.encrypted.nvs.bin")).toEqual(first);
});

test("a file without an identity is refused", () => {
  writeFileSync(station, new Uint8Array(0x14000).fill(0xff));
  expect(run("--chip", "esp32")).toMatchObject({ status: 1, text: expect.stringContaining("no identity") });
});
