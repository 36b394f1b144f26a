/** `npm run release`: adds a firmware release to the platform's repository. */

import { existsSync, readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { Command, InvalidArgumentError } from "commander";
import { inspect } from "../../modules/updates/image-file.js";
import { fail } from "../command-line.js";
import { writeRelease } from "./directory.js";
import { publicKeyOf, signatureOf } from "./keys.js";
import { readSBOM, sbomFileOf } from "./sbom.js";

export const DEFAULT_REPOSITORY = "build/repository";

interface ReleaseOptions {
  readonly image: string;
  readonly version: number;
  readonly repository: string;
  readonly key: string;
  readonly sbom?: string;
  readonly changesKey: boolean;
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
  .option("--sbom <file>", "SBOM of the image; default: the .cdx.json beside it, from npm run build:<target>")
  .option("--changes-key", "release an image that accepts only the updates of another key", false)
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

function release(options: ReleaseOptions): void {
  const { image: file, version, repository, key, percent, staging } = options;
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  const image = Uint8Array.from(readFileSync(file));
  const { productId } = inspect(image, sha256);
  const signature = signatureOf(key, image);
  const sbom = readSBOM(options.sbom ?? sbomFileOf(file), image);
  checkNextKey(sbom.updateKey, options);
  const channel = staging ? "staging" : "stable";
  writeRelease(repository, { productId, version, channel, image, signature, percent }, sbom.json);
  process.stdout.write(
    `${productId} version ${version}, ${image.length} bytes, signed: released in ${repository} for ${percent} % (${channel})\n`,
  );
}

/** Throws an error if a station with the image could not install the next release of this key. */
function checkNextKey(updateKey: string | undefined, { key, changesKey }: ReleaseOptions): void {
  if (updateKey === undefined || updateKey === "none") {
    throw new Error(
      "the image was built without config.updateKey: a station with it would never be updated again",
    );
  }
  if ((updateKey !== publicKeyOf(key)) === changesKey) return;
  throw new Error(
    changesKey
      ? `the image accepts the updates of ${key}, too; leave out --changes-key`
      : `the image accepts only the updates of the key ${updateKey}, not those of ${key}; if that is intended, repeat with --changes-key`,
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
