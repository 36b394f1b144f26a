import { crc32 } from "./crc32.js";

/** Values by namespace and key. */
export type NVSValues = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

/** Size of `nvs` in ESP-IDF's own partition tables, bytes. */
export const DEFAULT_PARTITION_BYTES = 0x6000;

const PAGE_BYTES = 4096;
const MIN_PAGES = 3;
const ENTRY_BYTES = 32;
const BITMAP_OFFSET = 32;
const ENTRIES_OFFSET = 64;
const ENTRIES_PER_PAGE = 126;
const MAX_VALUE_BYTES = 4000;
const MAX_NAMESPACES = 254;

const VERSION_2 = 0xfe;
const ACTIVE = 0xfffffffe;
const FULL = 0xfffffffc;

const TYPE_U8 = 0x01;
const TYPE_BLOB_DATA = 0x42;
const TYPE_BLOB_INDEX = 0x48;
const NO_CHUNK = 0xff;
/** The namespace that maps the names of the others to their numbers. */
const NAMESPACES = 0;

/**
 * Makes an NVS partition of ESP-IDF, version 2, with `values` as blobs. At least one page stays erased, which NVS needs to
 * move entries. Throws a RangeError for an invalid size or name, for an empty or too large value, and when the values do
 * not fit.
 */
export function makeNVSImage(
  values: NVSValues,
  options: { readonly sizeBytes?: number } = {},
): Uint8Array<ArrayBuffer> {
  const { sizeBytes = DEFAULT_PARTITION_BYTES } = options;
  if (!Number.isInteger(sizeBytes) || sizeBytes % PAGE_BYTES !== 0 || sizeBytes < MIN_PAGES * PAGE_BYTES) {
    throw new RangeError(`a partition must have a multiple of 4096 bytes, 12288 or more; not ${sizeBytes}`);
  }
  if (values.size > MAX_NAMESPACES) {
    throw new RangeError(`${values.size} namespaces are too many; the maximum is ${MAX_NAMESPACES}`);
  }
  const log = new PageLog();
  let namespace = 0;
  for (const [name, entries] of values) {
    checkName("namespace", name);
    namespace++;
    log.append(entry({ namespace: NAMESPACES, type: TYPE_U8, key: name, data: [namespace] }));
    for (const [key, value] of entries) {
      checkName("key", key);
      checkValue(`${name}/${key}`, value);
      appendBlob(log, { namespace, key, value });
    }
  }
  return log.toImage(sizeBytes);
}

/** Pages that are filled one after another. */
class PageLog {
  readonly #pages: Page[] = [new Page(0)];

  /** Number of free entries in the current page. */
  get room(): number {
    return this.#last.room;
  }

  /** Marks the current page as full and starts another one. */
  turn(): void {
    this.#last.state = FULL;
    this.#pages.push(new Page(this.#pages.length));
  }

  /** Appends an entry with its data in the following entries. Starts a new page if they do not fit. */
  append(head: Uint8Array, data: Uint8Array = new Uint8Array(0)): void {
    if (spanOf(data.length) > this.room) this.turn();
    this.#last.append(head, data);
  }

  toImage(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const pageCount = sizeBytes / PAGE_BYTES;
    if (this.#pages.length >= pageCount) {
      throw new RangeError(
        `the values fill ${this.#pages.length} pages of 4096 bytes and one must stay free; ` +
          `the partition of ${sizeBytes} bytes has ${pageCount}`,
      );
    }
    const image = new Uint8Array(sizeBytes).fill(0xff);
    this.#pages.forEach((page, index) => {
      image.set(page.bytes, index * PAGE_BYTES);
    });
    return image;
  }

  get #last(): Page {
    return this.#pages.at(-1) as Page;
  }
}

/** A page in use. The caller of `append` ensures that the entry fits. */
class Page {
  readonly bytes = new Uint8Array(PAGE_BYTES).fill(0xff);
  readonly #view = new DataView(this.bytes.buffer);
  #used = 0;

  constructor(sequenceNumber: number) {
    this.state = ACTIVE;
    this.#view.setUint32(4, sequenceNumber, true);
    this.bytes[8] = VERSION_2;
    this.#view.setUint32(28, crc32(this.bytes.subarray(4, 28)), true);
  }

  set state(state: number) {
    this.#view.setUint32(0, state, true);
  }

  get room(): number {
    return ENTRIES_PER_PAGE - this.#used;
  }

  append(head: Uint8Array, data: Uint8Array): void {
    const offset = ENTRIES_OFFSET + this.#used * ENTRY_BYTES;
    this.bytes.set(head, offset);
    this.bytes.set(data, offset + ENTRY_BYTES);
    for (let rest = spanOf(data.length); rest > 0; rest--) this.#markWritten(this.#used++);
  }

  /** Marks an entry as written. Each has two state bits, from the lowest: 11 is empty, 10 is written. */
  #markWritten(index: number): void {
    const place = BITMAP_OFFSET + (index >> 2);
    this.bytes[place] = (this.bytes[place] ?? 0) & ~(1 << (2 * (index & 3)));
  }
}

/** Appends a value in chunks that fill the pages, followed by the blob's index. */
function appendBlob(log: PageLog, blob: { namespace: number; key: string; value: Uint8Array }): void {
  const { namespace, key, value } = blob;
  let chunkCount = 0;
  for (let start = 0; start < value.length; chunkCount++) {
    // A chunk needs its own entry and at least one with data.
    if (log.room < 2) log.turn();
    const chunk = value.subarray(start, start + (log.room - 1) * ENTRY_BYTES);
    const data = [...u16(chunk.length), 0xff, 0xff, ...u32(crc32(chunk))];
    const span = spanOf(chunk.length);
    log.append(entry({ namespace, type: TYPE_BLOB_DATA, span, chunkIndex: chunkCount, key, data }), chunk);
    start += chunk.length;
  }
  const firstChunk = 0;
  const data = [...u32(value.length), chunkCount, firstChunk];
  log.append(entry({ namespace, type: TYPE_BLOB_INDEX, key, data }));
}

/** Encodes an entry. Unused bytes of the 8 for `data` are 0xff. */
function entry(fields: {
  readonly namespace: number;
  readonly type: number;
  readonly span?: number;
  readonly chunkIndex?: number;
  readonly key: string;
  readonly data: readonly number[];
}): Uint8Array {
  const { namespace, type, span = 1, chunkIndex = NO_CHUNK, key, data } = fields;
  const bytes = new Uint8Array(ENTRY_BYTES).fill(0xff);
  bytes.set([namespace, type, span, chunkIndex]);
  bytes.fill(0, 8, 24);
  for (let i = 0; i < key.length; i++) bytes[8 + i] = key.charCodeAt(i);
  bytes.set(data, 24);
  bytes.set(u32(crc32(bytes.subarray(0, 4), bytes.subarray(8))), 4);
  return bytes;
}

/** Number of entries that an entry with its data occupies. */
function spanOf(dataBytes: number): number {
  return 1 + Math.ceil(dataBytes / ENTRY_BYTES);
}

function u16(value: number): number[] {
  return [value & 0xff, value >>> 8];
}

function u32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

function checkName(what: string, name: string): void {
  if (!/^[\x21-\x7e]{1,15}$/.test(name)) {
    throw new RangeError(`${what} "${name}" must have 1-15 ASCII characters, none of them a space`);
  }
}

function checkValue(where: string, value: Uint8Array): void {
  if (value.length < 1 || value.length > MAX_VALUE_BYTES) {
    throw new RangeError(`${where} has ${value.length} bytes; a value must have 1-${MAX_VALUE_BYTES}`);
  }
}
