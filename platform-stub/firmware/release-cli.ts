/** `npm run release`: adds a firmware release to the platform's repository. */

import { existsSync, readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { Command, InvalidArgumentError } from "commander";
import { inspect } from "../../modules/updates/image-file.js";
import { fail } from "../command-line.js";
import { writeRelease } from "./directory.js";
import { signatureOf } from "./keys.js";

export const DEFAULT_REPOSITORY = "build/repository";

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
    "Adds a firmware release to the repository of npm run platform. Run it again to change the percentage.",
  )
  .requiredOption("--image <file>", "firmware image from npm run build:esp32")
  .requiredOption("--version <number>", "version of the release, the same as in the image", version)
  .option("--repository <directory>", "firmware repository", DEFAULT_REPOSITORY)
  .requiredOption("--key <file>", "signing key from npm run sign -- key; stations refuse unsigned firmware")
  .option(
    "--percent <number>",
    "share of the stations that get the release; it halts when too many roll back",
    percent,
    100,
  )
  .option("--staging", "release only to stations in staging mode", false)
  .showHelpAfterError()
  .action(release)
  .parseAsync()
  .catch(fail);

function release({ image: file, version, repository, key, percent, staging }: ReleaseOptions): void {
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  const image = Uint8Array.from(readFileSync(file));
  const { productId } = inspect(image, sha256);
  const signature = signatureOf(key, image);
  const channel = staging ? "staging" : "stable";
  writeRelease(repository, { productId, version, channel, image, signature, percent });
  process.stdout.write(
    `${productId} version ${version}, ${image.length} bytes, signed: released in ${repository} for ${percent} % (${channel})\n`,
  );
}

function version(text: string): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value > 0xffff_ffff)
    throw new InvalidArgumentError("a version must be a whole number");
  return value;
}

function percent(text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0 && value <= 100))
    throw new InvalidArgumentError("a percentage must be 0-100");
  return value;
}
