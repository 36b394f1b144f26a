/**
 * Reader of XS snapshots (`xsSnapshot.c` of @agoric/xsnap): the slots of a machine, and the references between them.
 * Slots have 32 bytes on a 64-bit host and are numbered from 1; 0 is no slot.
 */

const SLOT_BYTES = 32;
const POINTER_BYTES = 8;
const ATOM_HEAD_BYTES = 8;
/** Length of a chunk's head; the data follow it, and a slot has the position of the data. */
const CHUNK_HEAD_BYTES = 16;

/** Kinds of slots (`xsAll.h`). */
const Kind = {
  string: 5,
  reference: 10,
  closure: 11,
  instance: 13,
  argumentsSloppy: 14,
  argumentsStrict: 15,
  array: 16,
  callback: 18,
  code: 19,
  map: 27,
  module: 28,
  program: 29,
  proxy: 31,
  set: 33,
  weakMap: 35,
  weakSet: 37,
  accessor: 38,
  error: 41,
  key: 43,
  list: 45,
  private: 46,
  stack: 47,
  export: 53,
  weakEntry: 54,
} as const;

/**
 * Kinds whose first value is a slot, and kinds whose both values are. The home object of a function is left out: it is a
 * prototype, or the latest instance of a class.
 */
const ONE_SLOT: ReadonlySet<number> = new Set([
  Kind.reference,
  Kind.closure,
  Kind.error,
  Kind.module,
  Kind.program,
]);
const TWO_SLOTS: ReadonlySet<number> = new Set([
  Kind.accessor,
  Kind.proxy,
  Kind.export,
  Kind.private,
  Kind.weakEntry,
]);
/** Kinds whose first value is the first slot of a chain. */
const CHAINS: ReadonlySet<number> = new Set([Kind.list, Kind.weakMap, Kind.weakSet]);
const ARRAYS: ReadonlySet<number> = new Set([
  Kind.array,
  Kind.argumentsSloppy,
  Kind.argumentsStrict,
  Kind.stack,
]);

/** The slots of a machine that are in use. */
export class Heap {
  /** Number of slots. */
  readonly count: number;
  readonly #slots: Buffer;
  readonly #stack: Buffer;
  readonly #chunks: Buffer;
  readonly #keys: Buffer;

  constructor(snapshot: Buffer) {
    const atoms = atomsOf(snapshot);
    this.#slots = atoms.HEAP as Buffer;
    this.#stack = atoms.STAC as Buffer;
    this.#chunks = atoms.BLOC as Buffer;
    this.#keys = atoms.KEYS as Buffer;
    this.count = this.#slots.length / SLOT_BYTES;
  }

  /** Slots from which the machine reaches all others. */
  roots(): number[] {
    const roots: number[] = [];
    for (let at = 0; at < this.#stack.length; at += SLOT_BYTES)
      roots.push(...this.#references(this.#stack, at));
    for (let at = 0; at < this.#keys.length; at += POINTER_BYTES) roots.push(this.#keys.readUInt32LE(at));
    return roots.filter((slot) => slot !== 0);
  }

  /** Name of a property or a captured variable; `undefined` without a name. */
  nameOf(slot: number): string | undefined {
    const id = this.#slots.readInt32LE((slot - 1) * SLOT_BYTES + 12);
    if (id <= 0 || id * POINTER_BYTES >= this.#keys.length) return undefined;
    const key = this.#keys.readUInt32LE(id * POINTER_BYTES);
    return key !== 0 && this.#kind(key) === Kind.key ? this.#text(this.#value(key, 0)) : undefined;
  }

  isInstance(slot: number): boolean {
    return this.#kind(slot) === Kind.instance;
  }

  isClosure(slot: number): boolean {
    return this.#kind(slot) === Kind.closure;
  }

  /** Whether an instance is a function. */
  isFunction(instance: number): boolean {
    const next = this.#next(instance);
    return next !== 0 && (this.#kind(next) === Kind.code || this.#kind(next) === Kind.callback);
  }

  /** Name of the class of an instance; `undefined` for a plain object, an array and a function. */
  classOf(instance: number): string | undefined {
    const prototype = this.#value(instance, 1);
    if (prototype === 0) return undefined;
    const maker = this.#property(prototype, "constructor");
    if (maker === 0 || this.#kind(maker) !== Kind.reference) return undefined;
    const name = this.#property(this.#value(maker, 0), "name");
    return name !== 0 && this.#kind(name) === Kind.string ? this.#text(this.#value(name, 0)) : undefined;
  }

  /** The slots of a cell: an instance with its properties, or a single slot. */
  slotsOf(first: number): number[] {
    if (!this.isInstance(first)) return [first];
    const slots: number[] = [];
    for (let slot = first; slot !== 0; slot = this.#next(slot)) slots.push(slot);
    return slots;
  }

  /** Slots that a slot refers to, without the prototype of an instance. */
  referencesOf(slot: number): number[] {
    return this.#references(this.#slots, (slot - 1) * SLOT_BYTES).filter((one) => one !== 0);
  }

  /** The prototype of an instance. */
  prototypesOf(slot: number): number[] {
    const prototype = this.isInstance(slot) ? this.#value(slot, 1) : 0;
    return prototype === 0 ? [] : [prototype];
  }

  /** Number of slots of a Map's or Set's hash table, which a snapshot leaves out: one for each entry. */
  tableSlotsOf(slot: number): number {
    const kind = this.#kind(slot);
    if (kind !== Kind.map && kind !== Kind.set) return 0;
    let values = 0;
    for (let one = this.#value(this.#next(slot), 0); one !== 0; one = this.#next(one)) values++;
    return kind === Kind.map ? values / 2 : values;
  }

  #references(slots: Buffer, at: number): number[] {
    const kind = slots[at + 8] ?? 0;
    const first = slots.readUInt32LE(at + 16);
    const second = slots.readUInt32LE(at + 24);
    if (ONE_SLOT.has(kind)) return [first];
    if (kind === Kind.code || kind === Kind.callback) return [second];
    if (TWO_SLOTS.has(kind)) return [first, ...(kind === Kind.private ? this.#chain(second) : [second])];
    if (CHAINS.has(kind)) return this.#chain(first);
    return ARRAYS.has(kind) && first !== 0 ? this.#elements(first) : [];
  }

  #chain(first: number): number[] {
    const slots: number[] = [];
    for (let slot = first; slot !== 0; slot = this.#next(slot)) slots.push(slot);
    return slots;
  }

  /** Slots that the elements of an array refer to. The elements themselves are in a chunk. */
  #elements(position: number): number[] {
    const size = this.#chunks.readInt32LE(position - CHUNK_HEAD_BYTES) - CHUNK_HEAD_BYTES;
    const slots: number[] = [];
    for (let at = position; at + SLOT_BYTES <= position + size; at += SLOT_BYTES)
      slots.push(...this.#references(this.#chunks, at));
    return slots;
  }

  #property(instance: number, name: string): number {
    return this.slotsOf(instance).find((slot) => slot !== instance && this.nameOf(slot) === name) ?? 0;
  }

  #kind(slot: number): number {
    return this.#slots[(slot - 1) * SLOT_BYTES + 8] ?? 0;
  }

  #next(slot: number): number {
    return this.#slots.readUInt32LE((slot - 1) * SLOT_BYTES);
  }

  #value(slot: number, index: 0 | 1): number {
    return this.#slots.readUInt32LE((slot - 1) * SLOT_BYTES + 16 + index * 8);
  }

  #text(position: number): string {
    return this.#chunks.toString("utf8", position, this.#chunks.indexOf(0, position));
  }
}

function atomsOf(snapshot: Buffer): Record<string, Buffer> {
  const atoms: Record<string, Buffer> = {};
  for (let at = ATOM_HEAD_BYTES; at < snapshot.length; ) {
    const size = snapshot.readUInt32BE(at);
    atoms[snapshot.toString("latin1", at + 4, at + 8)] = snapshot.subarray(at + ATOM_HEAD_BYTES, at + size);
    at += size;
  }
  return atoms;
}
