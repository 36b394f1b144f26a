/**
 * The repository on disk: `<product id>/<channel>-<version>.bin`, with details of the release in a `.json` and its SBOM in a
 * `.cdx.json` beside it.
 */

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
  haltedOwners: z.array(z.string()).default([]),
});

type ReleaseName = Pick<Release, "productId" | "version" | "channel">;

const PRODUCT_ID = /^[A-Za-z0-9_-]{1,64}$/;
const FILE = /^(stable|staging)-(\d{1,10})\.json$/;

/** Path of a release, without the extension. Throws for a product id that is not a valid folder name. */
function fileOf(directory: string, { productId, version, channel }: ReleaseName): string {
  if (!PRODUCT_ID.test(productId))
    throw new Error(`the product id ${JSON.stringify(productId)} must be 1-64 letters, digits, "-" or "_"`);
  return join(directory, productId, `${channel}-${version}`);
}

/**
 * Adds a release to the repository, or changes its percentage. Throws for a damaged image, for one whose description
 * differs from the release, and for a second image of an existing version.
 */
export function writeRelease(directory: string, release: Release, sbom?: string): void {
  const { image, productId, version, signature, percent } = release;
  const description = inspect(image, sha256);
  if (description.productId !== productId || description.version !== version) {
    const actual = `${description.productId} version ${description.version ?? "none"}`;
    throw new Error(`the image is ${actual}, not ${productId} version ${version}`);
  }
  const file = fileOf(directory, release);
  if (existsSync(`${file}.bin`) && !readFileSync(`${file}.bin`).equals(image)) {
    throw new Error(
      `version ${version} of ${productId} already exists with another image; use another version`,
    );
  }
  const before = existsSync(`${file}.json`) ? readDetails(`${file}.json`) : undefined;
  mkdirSync(dirname(file), { recursive: true });
  writeAtomically(`${file}.bin`, image);
  if (sbom !== undefined) writeAtomically(`${file}.cdx.json`, sbom);
  // Releasing a halted version again resumes it.
  writeDetails(file, {
    ...before,
    signature: signature ?? before?.signature,
    percent,
    isHalted: false,
    haltedOwners: [],
  });
}

/** Writes the progress of a release to its details. */
export function writeProgress(directory: string, release: ReleaseName, progress: Progress): void {
  const file = fileOf(directory, release);
  const { signature, percent } = readDetails(`${file}.json`);
  const { updated, rolledBack, isHalted, haltedOwners } = progress;
  writeDetails(file, {
    signature,
    percent,
    updated: [...updated],
    rolledBack: [...rolledBack],
    isHalted,
    haltedOwners: [...haltedOwners],
  });
}

/** Loads new and changed releases from a directory into a repository. */
export class RepositoryDirectory {
  readonly path: string;
  readonly #repository: FirmwareRepository;
  /** Modification time of each file that has been read, ms, by its path. */
  readonly #readMs = new Map<string, number>();

  constructor(path: string, repository: FirmwareRepository) {
    this.path = path;
    this.#repository = repository;
  }

  /** Loads new and changed releases. Skips invalid files and returns a sentence for each. */
  refresh(): string[] {
    const problems: string[] = [];
    const namesIn = (directory: string, belongs: (entry: Dirent) => boolean) => {
      try {
        return existsSync(directory) ? readNames(directory, belongs) : [];
      } catch {
        problems.push(`${directory} cannot be read: it must be a folder that the platform may read`);
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
    if (this.#readMs.get(file) === mtimeMs) return;
    const { signature, percent, ...progress } = readDetails(`${file}.json`);
    if (!existsSync(`${file}.bin`)) throw new Error(`${file}.bin is missing; ${file}.json refers to it`);
    const image = Uint8Array.from(readFileSync(`${file}.bin`));
    this.#repository.put({ ...name, image, signature, percent }, progress);
    this.#readMs.set(file, mtimeMs);
  }
}

function readNames(directory: string, belongs: (entry: Dirent) => boolean): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(belongs)
    .map(({ name }) => name);
}

function readDetails(file: string): z.output<typeof detailsSchema> {
  const parsed = detailsSchema.safeParse(parseJSON(readFileSync(file, "utf8"), file));
  if (!parsed.success)
    throw new Error(`${file} does not describe a release: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function parseJSON(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${file} does not describe a release: it is not JSON`);
  }
}

function writeDetails(file: string, details: z.input<typeof detailsSchema>): void {
  writeAtomically(`${file}.json`, `${JSON.stringify(details, null, 2)}\n`);
}

/** Writes a file so that readers see the old or the new content, never a part. */
function writeAtomically(file: string, content: string | Uint8Array): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
