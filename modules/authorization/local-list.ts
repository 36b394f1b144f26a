import { type JSONObject, numberField } from "../json/index.js";
import type { RecordFormat, RecordSource, StoredRecord } from "../settings/index.js";

/** Highest number of tags on a list. */
export const MAX_LISTED_TAGS = 500;
/**
 * Entries in one record, and in one answer of the platform. A storage value has at most 4000 bytes, and the engine has
 * little more for an answer with 25 keys of cards.
 */
export const LIST_PAGE_TAGS = 25;
/** Highest number of cards with a secret on a list: both sides have to fit into the storage beside the sessions. */
export const MAX_LISTED_PROOFS = 150;
/** Length of a key: the first hex digits of the tag's SHA-256, 128 bits. */
const KEY_CHARS = 32;
/** Length of a card's key at this station, 32 bytes in base64url. */
const STATION_KEY_CHARS = 43;
/** Length of the hash in an entry of the platform's list. */
const HASH_CHARS = 64;
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

/** How a card on the list is authorized: by its tag alone, or by a proof. A card with both has two entries. */
export type ListKind = "tags" | "proofs";

/** Concatenated entries of one page: the keys of tags, and the keys of cards, each followed by its station key. */
export type ListPage = Readonly<Record<ListKind, string>>;

/** Length of an entry in a page. */
const ENTRY_CHARS: Readonly<Record<ListKind, number>> = {
  tags: KEY_CHARS,
  proofs: KEY_CHARS + STATION_KEY_CHARS,
};

/** Format of the records `list-a0` to `list-b19`: up to 25 entries. Struck keys have digits from g to v. */
export function listPageFormat(name: string): RecordFormat<ListPage> {
  return {
    key: `list-${name}`,
    version: 1,
    parse: ({ tags, proofs = "" }) =>
      typeof tags === "string" && typeof proofs === "string" ? { tags, proofs } : undefined,
    format: ({ tags, proofs }) => (proofs === "" ? { tags } : { tags, proofs }),
  };
}

/** Whether an entry of the platform's list, `<hash>` or `<hash>:<station key>`, is that of a card with a secret. */
export function isProofEntry(entry: string): boolean {
  return entry.length > HASH_CHARS;
}

/** Tags that the station may authorize without the platform. The list is in the storage, not in memory. */
export class LocalList {
  private readonly _records: RecordSource;
  private _index: ListIndex;
  /** Kinds and keys that are struck but not yet stored as such. */
  private _struck: readonly string[] = [];
  /** A page cannot be read, so the list has to be downloaded again. */
  private _isDamaged = false;

  constructor(records: RecordSource) {
    this._records = records;
    this._index = records.open(listIndexFormat).read() ?? EMPTY;
    // Reads each page, so that a damaged list is detected while the platform is reachable.
    this._find("tags", NO_KEY);
  }

  /** Version number from the platform; 0 without a list, and for a list that has to be downloaded again. */
  get version(): number {
    return this._isDamaged ? 0 : this._index.version;
  }

  get count(): number {
    return this._index.count;
  }

  /**
   * Whether a plain tag is on the list and not struck.
   * @param hash lower-case hex SHA-256 of the tag
   */
  has(hash: string): boolean {
    return this._lookUp("tags", hash) !== undefined;
  }

  /**
   * Returns the key of a card at this station, 43 characters of base64url; `undefined` if the card is not listed with
   * one, or is struck.
   * @param hash lower-case hex SHA-256 of the card id
   */
  stationKeyOf(hash: string): string | undefined {
    const found = this._lookUp("proofs", hash);
    return found?.entries.slice(found.at + KEY_CHARS, found.at + ENTRY_CHARS.proofs);
  }

  /**
   * Removes a card that the platform has rejected, until the next list or `restore`. Storage errors are thrown; the
   * removal then holds until the restart.
   */
  strike(hash: string, kind: ListKind = "tags"): void {
    const key = keyOf(hash);
    this._unstrike(kind + key);
    this._struck = [...this._struck, kind + key];
    this._exchange(kind, key, struckKeyOf(hash));
    this._unstrike(kind + key);
  }

  /** Restores a struck card that the platform has authorized again. Storage errors are thrown. */
  restore(hash: string, kind: ListKind = "tags"): void {
    if (this._index.count === 0) return;
    this._unstrike(kind + keyOf(hash));
    this._exchange(kind, struckKeyOf(hash), keyOf(hash));
  }

  /**
   * Stores a part of the next list. It takes effect with `commit`. Storage errors are thrown.
   * @param from index of the first entry in the next list, a multiple of LIST_PAGE_TAGS
   */
  put(from: number, entries: readonly string[]): void {
    for (let at = 0; at < entries.length; at += LIST_PAGE_TAGS) {
      const part = entries.slice(at, at + LIST_PAGE_TAGS);
      const tags = part.filter((entry) => !isProofEntry(entry)).map(keyOf);
      const proofs = part.filter(isProofEntry).map((entry) => keyOf(entry) + entry.slice(HASH_CHARS + 1));
      this._page(this._otherSide, from + at).write({ tags: tags.join(""), proofs: proofs.join("") });
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

  private _lookUp(kind: ListKind, hash: string): { entries: string; at: number } | undefined {
    const key = keyOf(hash);
    return this._struck.includes(kind + key) ? undefined : this._find(kind, key);
  }

  /** Returns the page and the position of a key. Marks the list as damaged when a page cannot be read. */
  private _find(
    kind: ListKind,
    key: string,
  ): { from: number; page: ListPage; entries: string; at: number } | undefined {
    const { side, count } = this._index;
    for (let from = 0; from < count; from += LIST_PAGE_TAGS) {
      const page = this._page(side, from).read();
      if (page === undefined) this._isDamaged = true;
      const entries = page?.[kind] ?? "";
      for (let at = entries.indexOf(key); page && at >= 0; at = entries.indexOf(key, at + 1)) {
        if (at % ENTRY_CHARS[kind] === 0) return { from, page, entries, at };
      }
    }
    return undefined;
  }

  private _exchange(kind: ListKind, key: string, other: string): void {
    const found = this._find(kind, key);
    if (!found) return;
    const { from, page, entries, at } = found;
    const changed = entries.slice(0, at) + other + entries.slice(at + KEY_CHARS);
    this._page(this._index.side, from).write({ ...page, [kind]: changed });
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

  private _page(side: Side, from: number): StoredRecord<ListPage> {
    return this._records.open(listPageFormat(`${side}${from / LIST_PAGE_TAGS}`));
  }
}

/** Returns the key of a hash, or of an entry, which begins with one. */
function keyOf(hash: string): string {
  return hash.slice(0, KEY_CHARS);
}

function struckKeyOf(hash: string): string {
  return Array.from(keyOf(hash), (digit) => STRUCK_DIGITS[Number.parseInt(digit, 16)]).join("");
}
