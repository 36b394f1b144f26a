/** The repository in a directory: `<product id>/<channel>-<version>.bin`, and beside it `.json` with how far it is rolled out. */

import {
  type Dirent,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import { z } from "zod";
import { inspect } from "../../modules/updates/image-file.js";
import type { Channel, FirmwareRepository, Progress, Release } from "./repository.js";

const detailsSchema = z.strictObject({
  signature: z
    .string()
    .regex(/^[0-9a-f]{128}$/, "must be 128 lower-case hex digits")
    .optional(),
  percent: z.number().min(0).max(100),
  updated: z.array(z.string()).default([]),
  rolledBack: z.array(z.string()).default([]),
  isHalted: z.boolean().default(false),
});

type ReleaseName = Pick<Release, "productId" | "version" | "channel">;

const PRODUCT_ID = /^[A-Za-z0-9_-]{1,64}$/;
const FILE = /^(stable|staging)-(\d{1,10})\.json$/;

/** The place of a release, without its ending. Throws for a product id that is no name of a folder. */
function fileOf(directory: string, { productId, version, channel }: ReleaseName): string {
  if (!PRODUCT_ID.test(productId))
    throw new Error(`the product id ${JSON.stringify(productId)} must be 1-64 letters, digits, "-" or "_"`);
  return join(directory, productId, `${channel}-${version}`);
}

/**
 * Puts an image on the repository, or changes how far it is rolled out. Throws, with a sentence, for an image that a
 * station could not run, or that says of itself something else, and for another image of a version that is there.
 */
export function writeRelease(directory: string, release: Release): void {
  const { image, productId, version, signature, percent } = release;
  const description = inspect(image, sha256);
  if (description.productId !== productId || description.version !== version) {
    const says = `${description.productId} version ${description.version ?? "none"}`;
    throw new Error(`the image says that it is ${says}, not ${productId} version ${version}`);
  }
  const file = fileOf(directory, release);
  if (existsSync(`${file}.bin`) && !readFileSync(`${file}.bin`).equals(image)) {
    throw new Error(
      `version ${version} of ${productId} is another image already; give this one another version`,
    );
  }
  const before = existsSync(`${file}.json`) ? readDetails(`${file}.json`) : undefined;
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(`${file}.bin`, image);
  // Who releases it again has looked at why it was halted.
  writeDetails(file, { ...before, signature: signature ?? before?.signature, percent, isHalted: false });
}

/** Keeps what became of a release. */
export function writeProgress(directory: string, release: ReleaseName, progress: Progress): void {
  const file = fileOf(directory, release);
  const { signature, percent } = readDetails(`${file}.json`);
  const { updated, rolledBack, isHalted } = progress;
  writeDetails(file, { signature, percent, updated: [...updated], rolledBack: [...rolledBack], isHalted });
}

/** Puts what is new in the directory on the repository. */
export class RepositoryDirectory {
  readonly path: string;
  #repository: FirmwareRepository;
  /** When each was read last, by its file. */
  #read = new Map<string, number>();

  constructor(path: string, repository: FirmwareRepository) {
    this.path = path;
    this.#repository = repository;
  }

  /** Gives what does not belong there, and is left out: a sentence for each. */
  refresh(): string[] {
    const problems: string[] = [];
    const namesIn = (directory: string, belongs: (entry: Dirent) => boolean) => {
      try {
        return existsSync(directory) ? readNames(directory, belongs) : [];
      } catch {
        problems.push(`${directory} cannot be read: it has to be a folder that the platform may read`);
        return [];
      }
    };
    for (const productId of namesIn(this.path, (entry) => entry.isDirectory())) {
      for (const name of namesIn(join(this.path, productId), (entry) => entry.isFile())) {
        const [, channel, version] = FILE.exec(name) ?? [];
        if (channel === undefined) continue;
        try {
          this.#readRelease({ productId, version: Number(version), channel: channel as Channel });
        } catch (error) {
          problems.push(error instanceof Error ? error.message : `${productId}/${name} cannot be read`);
        }
      }
    }
    return problems;
  }

  #readRelease(name: ReleaseName): void {
    const file = fileOf(this.path, name);
    const { mtimeMs } = statSync(`${file}.json`);
    if (this.#read.get(file) === mtimeMs) return;
    const { signature, percent, ...progress } = readDetails(`${file}.json`);
    if (!existsSync(`${file}.bin`)) throw new Error(`${file}.bin is missing: it belongs to ${file}.json`);
    const image = Uint8Array.from(readFileSync(`${file}.bin`));
    this.#repository.put({ ...name, image, signature, percent }, progress);
    this.#read.set(file, mtimeMs);
  }
}

function readNames(directory: string, belongs: (entry: Dirent) => boolean): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(belongs)
    .map(({ name }) => name);
}

function readDetails(file: string): z.output<typeof detailsSchema> {
  const parsed = detailsSchema.safeParse(parseJSON(readFileSync(file, "utf8"), file));
  if (!parsed.success) throw new Error(`${file} is no release: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function parseJSON(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${file} is no release: it is not JSON`);
  }
}

function writeDetails(file: string, details: z.input<typeof detailsSchema>): void {
  writeWhole(`${file}.json`, `${JSON.stringify(details, null, 2)}\n`);
}

function writeWhole(file: string, content: string | Uint8Array): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
