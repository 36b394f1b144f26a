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
import { type Identity, identityIn, imageOf, isIdOf } from "./identity.js";
import { type LabelOptions, labelSVG, labelText } from "./label.js";

const MANIFEST = "manifest.jsonl";
const IMAGE = ".nvs.bin";
const LABEL_TEXT = ".label.txt";
const LABEL_SVG = ".label.svg";
const SUFFIXES = [IMAGE, LABEL_TEXT, LABEL_SVG];
/** What a file is called until it is whole. */
const UNFINISHED = ".new";

const manifestLine = z.object({ id: z.string(), product: z.string() });

/**
 * A directory of stations. One exists when the manifest has a line of it, which is written last; its image is
 * written first and in one step, so that an image without a line is an identity that can be completed.
 * Files are for their owner's eyes only. Errors name files, never what is in them.
 */
export class StationDirectory {
  readonly path: string;
  /** Device id and product of every station there. */
  #stations: { readonly id: string; readonly product: string }[];

  /** Makes the directory if need be, and checks that it can be written. */
  constructor(path: string) {
    this.path = path;
    attempt(`write to ${path}`, () => {
      makeDirectory(path);
      makePrivate(path);
      const probe = join(path, `.probe${UNFINISHED}`);
      writeWhole(probe, "");
      rmSync(probe);
    });
    this.#stations = this.#readManifest();
  }

  idsOf(product: string): string[] {
    return this.#stations.filter((station) => station.product === product).map(({ id }) => id);
  }

  /** Such a station, or a file of one. */
  has(id: string): boolean {
    if (this.#stations.some((station) => station.id === id)) return true;
    return SUFFIXES.some((suffix) => existsSync(this.#file(id, suffix)));
  }

  /** Identities that an interrupted run has left with an image and without a line in the manifest. */
  halfMade(product: string): Identity[] {
    const finished = new Set(this.idsOf(product));
    return attempt(`read ${this.path}`, () => readdirSync(this.path))
      .filter((name) => name.endsWith(IMAGE))
      .map((name) => name.slice(0, -IMAGE.length))
      .filter((id) => isIdOf(product, id) && !finished.has(id))
      .sort()
      .map((id) => this.#readIdentity(id, product));
  }

  /** Takes away what an interrupted run has begun and not finished writing. */
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

  /** The first step. Refuses to overwrite anything. */
  addImage(identity: Identity, options: { readonly partitionBytes?: number }): void {
    if (this.has(identity.id)) {
      throw new Error(`${this.path} has a station ${identity.id} already; nothing is overwritten`);
    }
    this.#write(identity.id, IMAGE, imageOf(identity, options));
  }

  /** The second step; half-made labels are made again. */
  addLabels(options: LabelOptions): void {
    this.#write(options.identity.id, LABEL_TEXT, labelText(options));
    this.#write(options.identity.id, LABEL_SVG, labelSVG(options));
  }

  /** The last step: from here on the station exists. */
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
    attempt(`write to ${this.path}`, () => writeWhole(this.#file(id, suffix), content));
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
        `${mistake}: ${error instanceof Error ? error.message : "it is no image"}; take it away`,
      );
    }
    if (identity?.id !== id || identity.product !== product) {
      throw new Error(`${mistake}: it is not an image of ${id}; take it away`);
    }
    return identity;
  }

  /** A last line without its end was interrupted: its station is completed again. */
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
    throw new Error(`${place}: it is not JSON`);
  }
  const result = manifestLine.safeParse(value);
  if (!result.success) throw new Error(`${place}: it is not a station's, with an id and a product`);
  return result.data;
}

/** With its parents. Not Node's `recursive`, which never returns where nothing can be made, as in /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  const parent = dirname(path);
  if (!existsSync(parent) && parent !== path) makeDirectory(parent);
  mkdirSync(path, { mode: 0o700 });
}

/** An empty directory that others may read is closed to them; one with something in it is not ours to close. */
function makePrivate(path: string): void {
  if (process.platform === "win32" || (statSync(path).mode & 0o077) === 0) return;
  if (readdirSync(path).length > 0) {
    throw new Error("others may enter it, and it is not empty; chmod 700 it, or give another one");
  }
  chmodSync(path, 0o700);
}

/** A file is there whole, on the disk, or not at all. */
function writeWhole(file: string, content: string | Uint8Array): void {
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

/** Says of an error of the file system what could not be done, and why. */
function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code, message } = error as Partial<NodeJS.ErrnoException>;
    throw new Error(`cannot ${what}: ${code ?? message}`);
  }
}
