import { crc32 } from "./crc32.js";

/** Namespace, key, value. */
export type NVSValues = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

/** What ESP-IDF's own partition tables give `nvs`. */
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
/** The namespace whose values are the numbers of the other ones. */
const NAMESPACES = 0;

/**
 * An NVS partition of ESP-IDF, version 2, with `values` as blobs. Pages are filled in turn and what is left of the
 * partition stays erased, at least one page, which NVS needs to move things. Throws a RangeError for a size that
 * is no partition's, a bad name, an empty or too large value, and for what does not fit.
 */
export function makeNVSImage(
  values: NVSValues,
  options: { readonly sizeBytes?: number } = {},
): Uint8Array<ArrayBuffer> {
  const { sizeBytes = DEFAULT_PARTITION_BYTES } = options;
  if (!Number.isInteger(sizeBytes) || sizeBytes % PAGE_BYTES !== 0 || sizeBytes < MIN_PAGES * PAGE_BYTES) {
    throw new RangeError(`a partition has a multiple of 4096 bytes, 12288 or more; not ${sizeBytes}`);
  }
  if (values.size > MAX_NAMESPACES) {
    throw new RangeError(`${values.size} namespaces are too many: there is room for ${MAX_NAMESPACES}`);
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

/** Pages that are filled one after the other. */
class PageLog {
  readonly #pages: Page[] = [new Page(0)];

  /** Entries that are free in the page that is being filled. */
  get room(): number {
    return this.#last.room;
  }

  /** Marks the page full and begins another one. */
  turn(): void {
    this.#last.state = FULL;
    this.#pages.push(new Page(this.#pages.length));
  }

  /** An entry and, in the entries behind it, its data; in one page, a new one if need be. */
  append(head: Uint8Array, data: Uint8Array = new Uint8Array(0)): void {
    if (spanOf(data.length) > this.room) this.turn();
    this.#last.append(head, data);
  }

  toImage(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const pageCount = sizeBytes / PAGE_BYTES;
    if (this.#pages.length >= pageCount) {
      throw new RangeError(
        `the values fill ${this.#pages.length} pages of 4096 bytes and one has to stay free; ` +
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

/** A page in use. `append` is for what fits. */
class Page {
  readonly bytes = new Uint8Array(PAGE_BYTES).fill(0xff);
  #view = new DataView(this.bytes.buffer);
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

  /** Two bits an entry, the first entry's the lowest: 11 empty, 10 written. */
  #markWritten(index: number): void {
    const place = BITMAP_OFFSET + (index >> 2);
    this.bytes[place] = (this.bytes[place] ?? 0) & ~(1 << (2 * (index & 3)));
  }
}

/** The value in chunks, each as much as the page takes, and then the index that makes a blob of them. */
function appendBlob(log: PageLog, blob: { namespace: number; key: string; value: Uint8Array }): void {
  const { namespace, key, value } = blob;
  let chunkCount = 0;
  for (let start = 0; start < value.length; chunkCount++) {
    // A chunk is its own entry and at least one with data.
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

/** One entry; what `data` leaves of its 8 bytes is 0xff. */
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

/** Entries that an entry with so much data behind it takes. */
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
    throw new RangeError(`${where} has ${value.length} bytes; a value has 1-${MAX_VALUE_BYTES}`);
  }
}
