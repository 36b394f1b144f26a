/**
 * Reader of NVS partitions, after ESP-IDF's documentation. It shares no code with nvs-image.ts, not even the CRC, so that
 * each checks the other. It is independent of Node, so that the virtual board can use it.
 */

/** A mistake in an image. The message names the page and the entry, both counted from 0 in the partition. */
export class NVSError extends Error {
  override readonly name = "NVSError";

  constructor(what: string, place: { readonly page?: number; readonly entry?: number } = {}) {
    const { page, entry } = place;
    const parts = [page === undefined ? "" : `page ${page}`, entry === undefined ? "" : `entry ${entry}`];
    const where = parts.filter((part) => part !== "").join(", ");
    super(where === "" ? what : `${where}: ${what}`);
  }
}

/** Values by namespace and key. */
export type NVSContent = Map<string, Map<string, Uint8Array<ArrayBuffer>>>;

/** An entry and its position. */
interface Found {
  readonly page: number;
  readonly entry: number;
  readonly namespace: number;
  readonly key: string;
}

interface Chunk extends Found {
  readonly index: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface BlobIndex extends Found {
  readonly size: number;
  readonly chunkCount: number;
  readonly chunkStart: number;
}

interface NamespaceEntry extends Found {
  readonly index: number;
}

interface Contents {
  readonly namespaces: NamespaceEntry[];
  readonly chunks: Chunk[];
  readonly indexes: BlobIndex[];
}

interface PageInUse {
  readonly page: number;
  readonly isActive: boolean;
  readonly sequenceNumber: number;
}

const PAGE = 4096;
const ENTRY = 32;
const ENTRY_COUNT = 126;
/** First numbers of a blob's chunks. NVS alternates between them when a value is replaced. */
const CHUNK_STARTS = [0x00, 0x80];

/**
 * Reads the blobs of a partition, which may contain no other values. Checks every checksum, state, span and padding byte.
 * Throws an NVSError for the first byte that ESP-IDF would not have written.
 */
export function readNVSImage(image: Uint8Array): NVSContent {
  if (image.length === 0 || image.length % PAGE !== 0) {
    throw new NVSError(`${image.length} bytes are not a multiple of 4096`);
  }
  if (image.length < 3 * PAGE) throw new NVSError("a partition needs at least 3 pages");
  const bytes = new Bytes(image);
  const pages = pagesInUse(bytes, image.length / PAGE);
  const contents: Contents = { namespaces: [], chunks: [], indexes: [] };
  for (const { page } of pages) readPage(bytes, page, contents);
  return assemble(contents);
}

class Bytes {
  readonly all: Uint8Array;
  readonly #view: DataView;

  constructor(all: Uint8Array) {
    this.all = all;
    this.#view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  copy(start: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.all.subarray(start, start + length));
  }

  isErased(start: number, end: number): boolean {
    return this.all.subarray(start, end).every((byte) => byte === 0xff);
  }

  /** CRC32 of ESP-IDF's ROM with the initial value 0xFFFFFFFF, computed bit by bit. */
  crc(...ranges: readonly (readonly [start: number, end: number])[]): number {
    let crc = 0;
    for (const [start, end] of ranges) {
      for (let offset = start; offset < end; offset++) {
        crc ^= this.u8(offset);
        for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
      }
    }
    return (crc ^ 0xffffffff) >>> 0;
  }
}

/** The pages in use, in the order of writing. */
function pagesInUse(bytes: Bytes, pageCount: number): PageInUse[] {
  const found = Array.from({ length: pageCount }, (_, page) => readHeader(bytes, page));
  const inUse = found.filter((page) => page !== undefined);
  inUse.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
  inUse.forEach(({ page, sequenceNumber }, i) => {
    const before = inUse[i - 1];
    if (before?.sequenceNumber === sequenceNumber) {
      throw new NVSError(`has the sequence number of page ${before.page}, ${sequenceNumber}`, { page });
    }
  });
  const [, secondActive] = inUse.filter(({ isActive }) => isActive);
  if (secondActive) throw new NVSError("is active as another page is", { page: secondActive.page });
  if (inUse.length === pageCount) throw new NVSError("no page is free; NVS needs one");
  return inUse;
}

/** Reads a page's header; `undefined` for an erased page. */
function readHeader(bytes: Bytes, page: number): PageInUse | undefined {
  const start = page * PAGE;
  const state = bytes.u32(start);
  if (state === 0xffffffff) {
    if (!bytes.isErased(start, start + PAGE)) throw new NVSError("is empty, but not erased", { page });
    return undefined;
  }
  if (state !== 0xfffffffe && state !== 0xfffffffc) {
    throw new NVSError(`its state ${hex(state)} is neither active nor full nor empty`, { page });
  }
  if (bytes.crc([start + 4, start + 28]) !== bytes.u32(start + 28)) {
    throw new NVSError("the checksum of its header is wrong", { page });
  }
  const version = bytes.u8(start + 8);
  if (version !== 0xfe) throw new NVSError(`its version ${hex(version)} is not 0xfe, version 2`, { page });
  if (!bytes.isErased(start + 9, start + 28)) {
    throw new NVSError("the unused part of its header is not 0xff", { page });
  }
  return { page, isActive: state === 0xfffffffe, sequenceNumber: bytes.u32(start + 4) };
}

type EntryState = "empty" | "written" | "erased";

function stateOf(bytes: Bytes, page: number, entry: number): EntryState {
  const bits = (bytes.u8(page * PAGE + 32 + Math.floor(entry / 4)) >> ((entry % 4) * 2)) & 0b11;
  if (bits === 0b11) return "empty";
  if (bits === 0b10) return "written";
  if (bits === 0b00) return "erased";
  throw new NVSError("its state 01 is invalid", { page, entry });
}

function readPage(bytes: Bytes, page: number, contents: Contents): void {
  if (bytes.u8(page * PAGE + 63) >> 4 !== 0xf) {
    throw new NVSError("the unused bits of its entry states are not 1", { page });
  }
  let firstEmpty: number | undefined;
  for (let entry = 0; entry < ENTRY_COUNT; ) {
    const start = startOf(page, entry);
    const state = stateOf(bytes, page, entry);
    if (state === "empty") {
      if (!bytes.isErased(start, start + ENTRY))
        throw new NVSError("is empty, but not erased", { page, entry });
      firstEmpty ??= entry;
    } else if (firstEmpty !== undefined) {
      throw new NVSError(`is ${state}, but entry ${firstEmpty} before it is empty`, { page, entry });
    }
    entry += state === "written" ? readEntry(bytes, { page, entry }, contents) : 1;
  }
}

/** Reads an entry into `contents`. Returns its span, in entries. */
function readEntry(
  bytes: Bytes,
  place: { readonly page: number; readonly entry: number },
  contents: Contents,
): number {
  const { page, entry } = place;
  const start = startOf(page, entry);
  const fail = (what: string) => {
    throw new NVSError(what, place);
  };
  if (bytes.crc([start, start + 4], [start + 8, start + ENTRY]) !== bytes.u32(start + 4)) {
    fail("its checksum is wrong");
  }
  const namespace = bytes.u8(start);
  const type = bytes.u8(start + 1);
  const span = bytes.u8(start + 2);
  const chunkIndex = bytes.u8(start + 3);
  if (span < 1 || entry + span > ENTRY_COUNT) fail(`its span of ${span} does not fit the page`);
  for (let next = entry + 1; next < entry + span; next++) {
    const state = stateOf(bytes, page, next);
    if (state !== "written") fail(`entry ${next} belongs to it and is ${state}`);
  }
  const found: Found = { ...place, namespace, key: readKey(bytes, start + 8, fail) };
  if (namespace === 0 && type === 0x01) {
    if (span !== 1 || chunkIndex !== 0xff) fail("a namespace has a span of 1 and no chunk index");
    if (!bytes.isErased(start + 25, start + ENTRY)) fail("a namespace's number is not padded with 0xff");
    contents.namespaces.push({ ...found, index: bytes.u8(start + 24) });
  } else if (namespace !== 0 && type === 0x42) {
    contents.chunks.push({ ...found, index: chunkIndex, bytes: readChunk(bytes, start, fail) });
  } else if (namespace !== 0 && type === 0x48) {
    if (span !== 1 || chunkIndex !== 0xff) fail("a blob index has a span of 1 and no chunk index");
    if (bytes.u16(start + 30) !== 0xffff) fail("the reserved bytes of a blob index are not 0xff");
    contents.indexes.push({
      ...found,
      size: bytes.u32(start + 24),
      chunkCount: bytes.u8(start + 28),
      chunkStart: bytes.u8(start + 29),
    });
  } else {
    fail(`type ${hex(type)} in namespace ${namespace} is neither a namespace nor part of a blob`);
  }
  return span;
}

function readKey(bytes: Bytes, start: number, fail: (what: string) => void): string {
  const all = [...bytes.copy(start, 16)];
  const end = all.indexOf(0);
  const characters = all.slice(0, end < 0 ? 16 : end);
  if (end < 1 || characters.some((byte) => byte < 0x21 || byte > 0x7e)) {
    fail("its key is not 1-15 ASCII characters and a zero");
  }
  if (all.slice(characters.length).some((byte) => byte !== 0)) fail("its key is not padded with zeros");
  return String.fromCharCode(...characters);
}

function readChunk(bytes: Bytes, start: number, fail: (what: string) => void): Uint8Array<ArrayBuffer> {
  const span = bytes.u8(start + 2);
  const size = bytes.u16(start + 24);
  if (bytes.u16(start + 26) !== 0xffff) fail("the reserved bytes of a chunk are not 0xff");
  // The vendor's generator may write an empty chunk into the last entry of a page.
  if (Math.ceil(size / ENTRY) !== span - 1) {
    fail(`its ${size} bytes do not make a span of ${span}`);
  }
  const data = start + ENTRY;
  if (bytes.crc([data, data + size]) !== bytes.u32(start + 28)) fail("the checksum of its data is wrong");
  if (!bytes.isErased(data + size, start + span * ENTRY)) fail("its data is not padded with 0xff");
  return bytes.copy(data, size);
}

/** Assembles the blobs from their chunks. Throws for a missing or surplus chunk. */
function assemble({ namespaces, chunks, indexes }: Contents): NVSContent {
  const names = new Map<number, string>();
  const content: NVSContent = new Map();
  for (const namespace of namespaces) {
    const { index, key: name } = namespace;
    if (index < 1 || index > 254) throw new NVSError(`${index} is not a namespace number`, namespace);
    if (names.has(index)) throw new NVSError(`namespace ${index} appears twice`, namespace);
    if (content.has(name)) throw new NVSError(`the namespace "${name}" appears twice`, namespace);
    names.set(index, name);
    content.set(name, new Map());
  }
  const left = new Map<string, Chunk>();
  for (const chunk of chunks) {
    if (left.has(nameOf(chunk, chunk.index))) throw new NVSError("the chunk appears twice", chunk);
    left.set(nameOf(chunk, chunk.index), chunk);
  }
  for (const blob of indexes) {
    const values = content.get(names.get(blob.namespace) ?? "");
    if (!values) throw new NVSError(`namespace ${blob.namespace} has no name`, blob);
    if (values.has(blob.key)) throw new NVSError(`the key "${blob.key}" appears twice`, blob);
    values.set(blob.key, joinChunks(blob, left));
  }
  const [orphan] = left.values();
  if (orphan) throw new NVSError(`chunk ${orphan.index} of "${orphan.key}" belongs to no blob index`, orphan);
  return content;
}

/** Joins the chunks of a blob and removes them from `left`. */
function joinChunks(blob: BlobIndex, left: Map<string, Chunk>): Uint8Array<ArrayBuffer> {
  if (!CHUNK_STARTS.includes(blob.chunkStart)) {
    throw new NVSError(`its first chunk ${blob.chunkStart} is neither 0 nor 128`, blob);
  }
  const parts: number[] = [];
  for (let i = 0; i < blob.chunkCount; i++) {
    const name = nameOf(blob, blob.chunkStart + i);
    const chunk = left.get(name);
    if (!chunk) throw new NVSError(`chunk ${blob.chunkStart + i} of "${blob.key}" is missing`, blob);
    left.delete(name);
    parts.push(...chunk.bytes);
  }
  if (parts.length !== blob.size) {
    throw new NVSError(
      `"${blob.key}" has ${parts.length} bytes, but its index has the size ${blob.size}`,
      blob,
    );
  }
  return Uint8Array.from(parts);
}

function nameOf({ namespace, key }: Found, chunkIndex: number): string {
  return `${namespace}/${chunkIndex}/${key}`;
}

function startOf(page: number, entry: number): number {
  return page * PAGE + 64 + entry * ENTRY;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
