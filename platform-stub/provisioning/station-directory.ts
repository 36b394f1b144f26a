import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type Identity, type ImageOptions, identityIn, imageOf, isIdOf } from "./identity.js";
import { innerLabelSVG, innerLabelText, type LabelOptions, labelSVG, labelText } from "./label.js";

const MANIFEST = "manifest.jsonl";
const IMAGE = ".nvs.bin";
const LABEL_TEXT = ".label.txt";
const LABEL_SVG = ".label.svg";
const INNER_LABEL_TEXT = ".inner-label.txt";
const INNER_LABEL_SVG = ".inner-label.svg";
const SUFFIXES = [IMAGE, LABEL_TEXT, LABEL_SVG, INNER_LABEL_TEXT, INNER_LABEL_SVG];
/** Suffix of a file that is not complete. */
const UNFINISHED = ".new";

const manifestLine = z.object({ id: z.string(), product: z.string() });

/**
 * A directory of stations. The image of a station is written first, atomically, and its line in the manifest last. An
 * image without a line is a started station, which can be completed. Only their owner can read the files. Errors name
 * files, but never their content.
 */
export class StationDirectory {
  readonly path: string;
  /** Device id and product of every finished station. */
  readonly #stations: { readonly id: string; readonly product: string }[];

  /** Creates the directory if necessary, and checks that it is writable. */
  constructor(path: string) {
    this.path = path;
    attempt(`write to ${path}`, () => {
      makeDirectory(path);
      makePrivate(path);
      const probe = join(path, `.probe${UNFINISHED}`);
      writeAtomically(probe, "");
      rmSync(probe);
    });
    this.#stations = this.#readManifest();
  }

  idsOf(product: string): string[] {
    return this.#stations.filter((station) => station.product === product).map(({ id }) => id);
  }

  /** Whether the directory has a station with this id, or a file of one. */
  has(id: string): boolean {
    if (this.#stations.some((station) => station.id === id)) return true;
    return SUFFIXES.some((suffix) => existsSync(this.#file(id, suffix)));
  }

  /** Identities of started stations: they have an image, but no line in the manifest. */
  halfMade(product: string): Identity[] {
    const finished = new Set(this.idsOf(product));
    return attempt(`read ${this.path}`, () => readdirSync(this.path))
      .filter((name) => name.endsWith(IMAGE))
      .map((name) => name.slice(0, -IMAGE.length))
      .filter((id) => isIdOf(product, id) && !finished.has(id))
      .sort()
      .map((id) => this.#readIdentity(id, product));
  }

  /** Removes unfinished files of an interrupted run. */
  sweep(product: string): void {
    attempt(`write to ${this.path}`, () => {
      for (const name of readdirSync(this.path)) {
        const suffix = SUFFIXES.find((one) => name.endsWith(`${one}${UNFINISHED}`));
        if (suffix === undefined) continue;
        const id = name.slice(0, -(suffix.length + UNFINISHED.length));
        if (isIdOf(product, id)) rmSync(join(this.path, name));
      }
    });
  }

  /** Writes the image of a station, as the first step. Throws when a file of the station exists. */
  addImage(identity: Identity, options: ImageOptions): void {
    if (this.has(identity.id)) {
      throw new Error(`the station ${identity.id} already exists in ${this.path}; nothing is overwritten`);
    }
    this.#write(identity.id, IMAGE, imageOf(identity, options));
  }

  /** Writes the image of a started station again: the interrupted run may have had another wiring. */
  replaceImage(identity: Identity, options: ImageOptions): void {
    this.#write(identity.id, IMAGE, imageOf(identity, options));
  }

  /** Writes the labels, as the second step. Overwrites existing ones. */
  addLabels(options: LabelOptions): void {
    this.#write(options.identity.id, LABEL_TEXT, labelText(options));
    this.#write(options.identity.id, LABEL_SVG, labelSVG(options));
    this.#write(options.identity.id, INNER_LABEL_TEXT, innerLabelText(options));
    this.#write(options.identity.id, INNER_LABEL_SVG, innerLabelSVG(options));
  }

  /** Writes the line in the manifest, as the last step: the station is then finished. */
  finish({ id, product }: Identity, time: Date): void {
    attempt(`write to ${this.path}`, () => {
      const image = readFileSync(this.#file(id, IMAGE));
      const line = {
        id,
        product,
        files: SUFFIXES.map((suffix) => `${id}${suffix}`),
        sha256: createHash("sha256").update(image).digest("hex"),
        time: time.toISOString(),
      };
      const manifest = openSync(join(this.path, MANIFEST), "a", 0o600);
      try {
        writeSync(manifest, `${JSON.stringify(line)}\n`);
        fsyncSync(manifest);
      } finally {
        closeSync(manifest);
      }
    });
    this.#stations.push({ id, product });
  }

  #file(id: string, suffix: string): string {
    return join(this.path, `${id}${suffix}`);
  }

  #write(id: string, suffix: string, content: string | Uint8Array): void {
    attempt(`write to ${this.path}`, () => writeAtomically(this.#file(id, suffix), content));
  }

  #readIdentity(id: string, product: string): Identity {
    const file = this.#file(id, IMAGE);
    const image = attempt(`read ${file}`, () => readFileSync(file));
    const mistake = `${file} has no line in ${MANIFEST} and cannot be completed`;
    let identity: Identity | undefined;
    try {
      identity = identityIn(image);
    } catch (error) {
      throw new Error(
        `${mistake}: ${error instanceof Error ? error.message : "it is not an image"}; remove it`,
      );
    }
    if (identity?.id !== id || identity.product !== product) {
      throw new Error(`${mistake}: it is not an image of ${id}; remove it`);
    }
    return identity;
  }

  /** Reads the manifest. Removes an unfinished last line, so that its station is completed again. */
  #readManifest(): { id: string; product: string }[] {
    const file = join(this.path, MANIFEST);
    if (!existsSync(file)) return [];
    const bytes = attempt(`read ${file}`, () => readFileSync(file));
    const end = bytes.lastIndexOf("\n") + 1;
    if (end < bytes.length) attempt(`write to ${file}`, () => truncateSync(file, end));
    const lines = bytes.subarray(0, end).toString("utf8").split("\n").slice(0, -1);
    return lines.map((line, i) => parseLine(line, `${file}, line ${i + 1}`));
  }
}

function parseLine(line: string, place: string): { id: string; product: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`${place}: the line is not JSON`);
  }
  const result = manifestLine.safeParse(value);
  if (!result.success)
    throw new Error(`${place}: the line does not describe a station with an id and a product`);
  return result.data;
}

/** Creates a directory with its parents. Node's `recursive` option does not return in directories such as /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  const parent = dirname(path);
  if (!existsSync(parent) && parent !== path) makeDirectory(parent);
  mkdirSync(path, { mode: 0o700 });
}

/** Makes an empty directory private. Throws for a non-empty one that others can enter. */
function makePrivate(path: string): void {
  if (process.platform === "win32" || (statSync(path).mode & 0o077) === 0) return;
  if (readdirSync(path).length > 0) {
    throw new Error("others can enter it, and it is not empty; chmod 700 it, or name another directory");
  }
  chmodSync(path, 0o700);
}

/** Writes and syncs a file atomically. */
function writeAtomically(file: string, content: string | Uint8Array): void {
  const unfinished = `${file}${UNFINISHED}`;
  rmSync(unfinished, { force: true });
  const descriptor = openSync(unfinished, "wx", 0o600);
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(unfinished, file);
}

/** Runs an action on the file system. Adds its purpose to an error. */
function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code, message } = error as Partial<NodeJS.ErrnoException>;
    throw new Error(`cannot ${what}: ${code ?? message}`);
  }
}
