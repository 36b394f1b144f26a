/** `npm run sign`: makes the vendor's key, and signs images with it. */

import { existsSync, readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { Command } from "commander";
import { inspect } from "../../modules/updates/image-file.js";
import { makeKey, publicKeyOf, signatureOf } from "./keys.js";

const program = new Command("npm run sign --")
  .description("Ed25519 signatures of firmware images, which a station with the public key built in demands")
  .showHelpAfterError();

program
  .command("key")
  .description("make a key; keep it where images are released, and nowhere else")
  .requiredOption("--out <file>", "for the private key, PEM")
  .action(({ out }: { out: string }) => {
    makeKey(out);
    print(`the key is in ${out}; the firmware is built with config.updateKey\n${publicKeyOf(out)}`);
  });

program
  .command("image", { isDefault: true })
  .description("print the signature of an image, 128 hex digits")
  .requiredOption("--image <file>")
  .requiredOption("--key <file>", "as npm run sign -- key has made it")
  .action(({ image: file, key }: { image: string; key: string }) => {
    if (!existsSync(file)) throw new Error(`there is no file ${file}`);
    const image = Uint8Array.from(readFileSync(file));
    inspect(image, sha256);
    print(signatureOf(key, image));
  });

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : "something failed"}\n`);
  process.exitCode = 1;
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
