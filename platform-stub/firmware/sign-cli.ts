/** `npm run sign`: generates the vendor's key and signs firmware images with it. */

import { existsSync, readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { Command } from "commander";
import { inspect } from "../../modules/updates/image-file.js";
import { fail, print } from "../command-line.js";
import { makeKey, publicKeyOf, signatureOf } from "./keys.js";

const program = new Command("npm run sign --")
  .description("Signs firmware images with Ed25519. A station with the public key refuses unsigned images.")
  .showHelpAfterError();

program
  .command("key")
  .description("generate a key; keep it only where images are released")
  .requiredOption("--out <file>", "file for the private key, PEM")
  .action(({ out }: { out: string }) => {
    makeKey(out);
    print(`the key is in ${out}; build the firmware with this config.updateKey:\n${publicKeyOf(out)}`);
  });

program
  .command("image", { isDefault: true })
  .description("print the signature of an image, 128 hex digits")
  .requiredOption("--image <file>", "firmware image")
  .requiredOption("--key <file>", "signing key from npm run sign -- key")
  .action(({ image: file, key }: { image: string; key: string }) => {
    if (!existsSync(file)) throw new Error(`${file} does not exist`);
    const image = Uint8Array.from(readFileSync(file));
    inspect(image, sha256);
    print(signatureOf(key, image));
  });

program.parseAsync().catch(fail);
