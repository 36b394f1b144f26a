import { type JSONObject, numberField } from "../json/index.js";
import type { RecordFormat, StoredRecord } from "../settings/index.js";

/** Tags on a list at most. */
export const MAX_LISTED_TAGS = 500;
/** Tags in one record, and in one answer of the platform: a value has at most 4000 bytes, and the heap not many more. */
export const LIST_PAGE_TAGS = 50;
/** What is kept of a tag's SHA-256, in hex digits: 128 bits. */
const KEY_CHARS = 32;
/** A tag that was struck off stands in its place, in digits that no other has: it can be restored. */
const STRUCK_DIGITS = "ghijklmnopqrstuv";
const NO_KEY = "-";

/** A list is written to the side that is not in use, and becomes the list by one write of the index. */
type Side = "a" | "b";

export interface ListIndex {
  /** The platform's. */
  readonly version: number;
  readonly side: Side;
  readonly count: number;
}

/** The record `local-list`. */
export const listIndexFormat: RecordFormat<ListIndex> = {
  key: "local-list",
  version: 1,
  parse(fields: JSONObject) {
    const version = numberField(fields, "version", { min: 0, max: Number.MAX_SAFE_INTEGER });
    const count = numberField(fields, "count", { min: 0, max: MAX_LISTED_TAGS });
    const { side } = fields;
    if (version === undefined || count === undefined || (side !== "a" && side !== "b")) return undefined;
    return { version, side, count };
  },
  format: (index) => ({ ...index }),
};

/** `list-a0` to `list-b9`: the keys of up to 50 tags, one behind the other; of those struck off in digits from g to v. */
export function listPageFormat(name: string): RecordFormat<string> {
  return {
    key: `list-${name}`,
    version: 1,
    parse: ({ tags }) => (typeof tags === "string" ? tags : undefined),
    format: (tags) => ({ tags }),
  };
}

export interface LocalListOptions {
  readonly index: StoredRecord<ListIndex>;
  readonly page: (name: string) => StoredRecord<string>;
}

/** The tags that the platform lets the station let in by itself: in the storage, not in memory. */
export class LocalList {
  private _options: LocalListOptions;
  private _index: ListIndex;
  /** Struck off, where the storage did not take it. */
  private _struck = new Set<string>();
  /** A page cannot be read: the list is wanted anew. */
  private _isDamaged = false;

  constructor(options: LocalListOptions) {
    this._options = options;
    this._index = options.index.read() ?? { version: 0, side: "a", count: 0 };
    // Looks at each page: what is damaged is fetched while there is somebody to ask.
    this._find(NO_KEY);
  }

  /** The platform's; 0 for none, or for one that has to be fetched again. */
  get version(): number {
    return this._isDamaged ? 0 : this._index.version;
  }

  get count(): number {
    return this._index.count;
  }

  /** @param hash lower-case hex SHA-256 of a tag */
  has(hash: string): boolean {
    const key = keyOf(hash);
    return !this._struck.has(key) && this._find(key) !== undefined;
  }

  /**
   * The platform refuses the tag, whatever its list says: until the next list, or until it is restored. Storage errors
   * pass through; then it holds until the restart.
   */
  strike(hash: string): void {
    const key = keyOf(hash);
    if (!this.has(hash)) return;
    this._struck.add(key);
    this._exchange(key, struckKeyOf(hash));
    this._struck.delete(key);
  }

  /** The platform lets the tag in again. Storage errors pass through. */
  restore(hash: string): void {
    if (this._index.count === 0) return;
    this._struck.delete(keyOf(hash));
    this._exchange(struckKeyOf(hash), keyOf(hash));
  }

  /**
   * A part of the next list, from its tag `from` on, a multiple of a page. Nothing is in force before `commit`.
   * Storage errors pass through.
   */
  put(from: number, hashes: readonly string[]): void {
    for (let at = 0; at < hashes.length; at += LIST_PAGE_TAGS) {
      const keys = hashes.slice(at, at + LIST_PAGE_TAGS).map((hash) => hash.slice(0, KEY_CHARS));
      this._page(this._otherSide, from + at).write(keys.join(""));
    }
  }

  /** What was put is the list, from now on and in one write. */
  commit({ version, count }: { version: number; count: number }): void {
    const index = { version, count, side: this._otherSide };
    this._options.index.write(index);
    this._replace(index);
  }

  /** Another owner's customers are not ours, also where that cannot be stored. */
  clear(): void {
    const index: ListIndex = { version: 0, count: 0, side: this._otherSide };
    const { version, count } = this._index;
    this._replace(index);
    if (version > 0 || count > 0) this._options.index.write(index);
  }

  private _find(key: string): { from: number; keys: string; at: number } | undefined {
    const { side, count } = this._index;
    for (let from = 0; from < count; from += LIST_PAGE_TAGS) {
      const keys = this._page(side, from).read();
      if (keys === undefined) this._isDamaged = true;
      for (let at = keys?.indexOf(key) ?? -1; keys && at >= 0; at = keys.indexOf(key, at + 1)) {
        if (at % KEY_CHARS === 0) return { from, keys, at };
      }
    }
    return undefined;
  }

  private _exchange(key: string, other: string): void {
    const found = this._find(key);
    if (!found) return;
    const { from, keys, at } = found;
    this._page(this._index.side, from).write(keys.slice(0, at) + other + keys.slice(at + KEY_CHARS));
  }

  private _replace(index: ListIndex): void {
    const before = this._index;
    this._index = index;
    this._struck.clear();
    this._isDamaged = false;
    for (let from = 0; from < before.count; from += LIST_PAGE_TAGS) this._page(before.side, from).clear();
  }

  private get _otherSide(): Side {
    return this._index.side === "a" ? "b" : "a";
  }

  private _page(side: Side, from: number): StoredRecord<string> {
    return this._options.page(`${side}${from / LIST_PAGE_TAGS}`);
  }
}

function keyOf(hash: string): string {
  return hash.slice(0, KEY_CHARS);
}

function struckKeyOf(hash: string): string {
  return Array.from(keyOf(hash), (digit) => STRUCK_DIGITS[Number.parseInt(digit, 16)]).join("");
}
