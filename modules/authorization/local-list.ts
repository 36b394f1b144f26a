import { type JSONObject, numberField } from "../json/index.js";
import type { RecordFormat, RecordSource, StoredRecord } from "../settings/index.js";

/** Highest number of tags on a list. */
export const MAX_LISTED_TAGS = 500;
/**
 * Tags in one record, and in one answer of the platform. A storage value has at most 4000 bytes, and free heap is not
 * much larger.
 */
export const LIST_PAGE_TAGS = 50;
/** Length of a key: the first hex digits of the tag's SHA-256, 128 bits. */
const KEY_CHARS = 32;
/** Digits of a struck key, in place of 0 to f. A struck tag keeps its place, so that it can be restored. */
const STRUCK_DIGITS = "ghijklmnopqrstuv";
/** A key that no tag has. */
const NO_KEY = "-";

/** One of two sets of pages. A new list is written to the unused side and takes effect by one write of the index. */
type Side = "a" | "b";

/** Index of the list in force. */
export interface ListIndex {
  /** Version number from the platform. */
  readonly version: number;
  readonly side: Side;
  readonly count: number;
}

const EMPTY: ListIndex = { version: 0, side: "a", count: 0 };

/** Format of the record `local-list`. */
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

/** Format of the records `list-a0` to `list-b9`: up to 50 concatenated keys. Struck keys have digits from g to v. */
export function listPageFormat(name: string): RecordFormat<string> {
  return {
    key: `list-${name}`,
    version: 1,
    parse: ({ tags }) => (typeof tags === "string" ? tags : undefined),
    format: (tags) => ({ tags }),
  };
}

/** Tags that the station may authorize without the platform. The list is in the storage, not in memory. */
export class LocalList {
  private readonly _records: RecordSource;
  private _index: ListIndex;
  /** Keys that are struck but not yet stored as such. */
  private _struck: readonly string[] = [];
  /** A page cannot be read, so the list has to be downloaded again. */
  private _isDamaged = false;

  constructor(records: RecordSource) {
    this._records = records;
    this._index = records.open(listIndexFormat).read() ?? EMPTY;
    // Reads each page, so that a damaged list is detected while the platform is reachable.
    this._find(NO_KEY);
  }

  /** Version number from the platform; 0 without a list, and for a list that has to be downloaded again. */
  get version(): number {
    return this._isDamaged ? 0 : this._index.version;
  }

  get count(): number {
    return this._index.count;
  }

  /**
   * Whether a tag is on the list and not struck.
   * @param hash lower-case hex SHA-256 of the tag
   */
  has(hash: string): boolean {
    const key = keyOf(hash);
    return !this._struck.includes(key) && this._find(key) !== undefined;
  }

  /**
   * Removes a tag that the platform has rejected, until the next list or `restore`. Storage errors are thrown; the
   * removal then holds until the restart.
   */
  strike(hash: string): void {
    const key = keyOf(hash);
    this._unstrike(key);
    this._struck = [...this._struck, key];
    this._exchange(key, struckKeyOf(hash));
    this._unstrike(key);
  }

  /** Restores a struck tag that the platform has authorized again. Storage errors are thrown. */
  restore(hash: string): void {
    if (this._index.count === 0) return;
    this._unstrike(keyOf(hash));
    this._exchange(struckKeyOf(hash), keyOf(hash));
  }

  /**
   * Stores a part of the next list. It takes effect with `commit`. Storage errors are thrown.
   * @param from index of the first tag in the next list, a multiple of LIST_PAGE_TAGS
   */
  put(from: number, hashes: readonly string[]): void {
    for (let at = 0; at < hashes.length; at += LIST_PAGE_TAGS) {
      const keys = hashes.slice(at, at + LIST_PAGE_TAGS).map((hash) => hash.slice(0, KEY_CHARS));
      this._page(this._otherSide, from + at).write(keys.join(""));
    }
  }

  /** Puts the stored parts into force by one write of the index. */
  commit({ version, count }: { version: number; count: number }): void {
    const index = { version, count, side: this._otherSide };
    this._records.open(listIndexFormat).write(index);
    this._replace(index);
  }

  /** Empties the list when the owner changes. The list is empty until the restart also when the storage fails. */
  clear(): void {
    const index: ListIndex = { version: 0, count: 0, side: this._otherSide };
    const { version, count } = this._index;
    this._replace(index);
    if (version > 0 || count > 0) this._records.open(listIndexFormat).write(index);
  }

  /** Returns the page and the position of a key. Marks the list as damaged when a page cannot be read. */
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
    this._struck = [];
    this._isDamaged = false;
    for (let from = 0; from < before.count; from += LIST_PAGE_TAGS) this._page(before.side, from).clear();
  }

  private _unstrike(key: string): void {
    this._struck = this._struck.filter((one) => one !== key);
  }

  private get _otherSide(): Side {
    return this._index.side === "a" ? "b" : "a";
  }

  private _page(side: Side, from: number): StoredRecord<string> {
    return this._records.open(listPageFormat(`${side}${from / LIST_PAGE_TAGS}`));
  }
}

function keyOf(hash: string): string {
  return hash.slice(0, KEY_CHARS);
}

function struckKeyOf(hash: string): string {
  return Array.from(keyOf(hash), (digit) => STRUCK_DIGITS[Number.parseInt(digit, 16)]).join("");
}
