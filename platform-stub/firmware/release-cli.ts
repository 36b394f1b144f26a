/** `npm run release`: puts a firmware image on the platform's repository. */

import { existsSync, readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { Command, InvalidArgumentError } from "commander";
import { inspect } from "../../modules/updates/image-file.js";
import { writeRelease } from "./directory.js";
import { signatureOf } from "./keys.js";

export const DEFAULT_SHELF = "build/repository";

interface ReleaseOptions {
  readonly image: string;
  readonly version: number;
  readonly repository: string;
  readonly key: string;
  readonly percent: number;
  readonly staging: boolean;
}

new Command("npm run release --")
  .description(
    "Puts a firmware image on the repository of npm run platform; run again, it changes how far it is rolled out",
  )
  .requiredOption("--image <file>", "as npm run build:esp32 has made it")
  .requiredOption("--version <number>", "which the image says, too", version)
  .option("--repository <directory>", "", DEFAULT_SHELF)
  .requiredOption("--key <file>", "signs it (npm run sign -- key); stations take no unsigned firmware")
  .option(
    "--percent <number>",
    "of the stations, by their ids; it halts by itself when they roll back",
    percent,
    100,
  )
  .option("--staging", "only for stations in staging mode", false)
  .showHelpAfterError()
  .action(release)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : "something failed"}\n`);
    process.exitCode = 1;
  });

function release({ image: file, version, repository, key, percent, staging }: ReleaseOptions): void {
  if (!existsSync(file)) throw new Error(`there is no file ${file}`);
  const image = Uint8Array.from(readFileSync(file));
  const { productId } = inspect(image, sha256);
  const signature = signatureOf(key, image);
  const channel = staging ? "staging" : "stable";
  writeRelease(repository, { productId, version, channel, image, signature, percent });
  process.stdout.write(
    `${productId} version ${version}, ${image.length} bytes, signed: on ${repository} for ${percent} % (${channel})\n`,
  );
}

function version(text: string): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value > 0xffff_ffff)
    throw new InvalidArgumentError("a version is a whole number");
  return value;
}

function percent(text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0 && value <= 100)) throw new InvalidArgumentError("a percentage is 0-100");
  return value;
}
