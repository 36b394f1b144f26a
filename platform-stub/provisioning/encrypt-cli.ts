/** `npm run encrypt`: encrypts the identity of a station for a board with secure boot. */

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { fail, print } from "../command-line.js";
import { identityIn } from "./identity.js";
import { encryptNVSImage, keyPartition, keysFromHMAC } from "./nvs-encryption.js";

type Chip = "esp32" | "esp32c3";

interface Options {
  readonly station: string;
  readonly chip: Chip;
  readonly key?: string;
}

const PLAIN = /\.nvs\.bin$/;
const KEY_BYTES = 32;

new Command("npm run encrypt --")
  .description("Encrypts the identity of a station for a board with secure boot, with a key of its own.")
  .requiredOption("--station <file>", "identity: an .nvs.bin of npm run provision")
  .addOption(
    new Option("--chip <name>", "chip of the board").choices(["esp32", "esp32c3"]).makeOptionMandatory(),
  )
  .option("--key <file>", "HMAC key that the board's eFuses already have; esp32c3 only")
  .showHelpAfterError()
  .action(encrypt)
  .parseAsync()
  .catch(fail);

function encrypt({ station, chip, key }: Options): void {
  if (!existsSync(station)) throw new Error(`${station} does not exist; make it with npm run provision`);
  if (!PLAIN.test(station)) throw new Error(`${station} must be an .nvs.bin`);
  if (key !== undefined && chip === "esp32")
    throw new Error("--key is for esp32c3, whose eFuses hold the key");
  const image = Uint8Array.from(readFileSync(station));
  if (!identityIn(image)) throw new Error(`${station} contains no identity of a station`);
  const name = station.replace(PLAIN, "");
  const secret = key === undefined ? randomBytes(KEY_BYTES) : readFileSync(key);
  const encrypted = encryptNVSImage(image, keysFromHMAC(secret));
  // The key comes first: after an interruption, no image is left whose key is lost.
  if (chip === "esp32") write(`${name}.nvs-keys.bin`, keyPartition(keysFromHMAC(secret)));
  else if (key === undefined) write(`${name}.hmac-key.bin`, secret);
  write(`${name}.encrypted.nvs.bin`, encrypted);
}

/** Writes a file that only its owner can read. Throws an error if it exists: a board may have its key. */
function write(file: string, content: Uint8Array): void {
  if (existsSync(file)) throw new Error(`${file} already exists`);
  writeFileSync(file, content, { mode: 0o600, flag: "wx" });
  print(`made ${file}`);
}
