import { beforeEach, describe, expect, test } from "@jest/globals";
import { FirmwareRun, Flash } from "../../host-tests/virtual/board/index.js";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { JSONObject } from "../json/index.js";
import { type Requester, type RequestOutcome, requestFailure } from "../requests/index.js";
import { StoredRecord } from "../settings/index.js";
import { LIST_PAGE_TAGS, ListUpdate, LocalList, MAX_LISTED_PROOFS, MAX_LISTED_TAGS } from "./index.js";

const NO_LIST = "local-list: not updated: the platform's answer is not a list";
const INCOMPLETE = "local-list: not updated: a page is incomplete";

function hashes(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => (from + i).toString(16).padStart(8, "0").repeat(8));
}

/** A platform that answers when the test calls `answer`. */
class ManualPlatform implements Pick<Requester, "request"> {
  readonly requests: { readonly endpoint: string; readonly data: JSONObject }[] = [];
  closed = 0;
  #done: ((outcome: RequestOutcome) => void) | undefined;

  request(endpoint: string, data: JSONObject, done: (outcome: RequestOutcome) => void) {
    if (this.#done) throw new Error("a request is under way");
    this.requests.push({ endpoint, data });
    this.#done = done;
    return {
      close: () => {
        this.closed++;
        this.#done = undefined;
      },
    };
  }

  conclude(outcome: RequestOutcome): void {
    const done = this.#done;
    if (!done) throw new Error("no request is under way");
    this.#done = undefined;
    done(outcome);
  }

  answer(data: JSONObject): void {
    this.conclude({ ok: true, data });
  }

  get isAsked(): boolean {
    return this.#done !== undefined;
  }
}

class Bench {
  readonly platform = new ManualPlatform();
  readonly lines: string[] = [];
  readonly list: LocalList;
  readonly update: ListUpdate;
  updatedCount = 0;
  storageError: unknown;

  constructor() {
    const opened = new Flash().open(
      "plugpass",
      new FirmwareRun({ clock: new VirtualClock(), onEnd: () => {} }),
    );
    const storage: typeof opened = {
      ...opened,
      write: (key, value) => {
        if (this.storageError !== undefined) throw this.storageError;
        opened.write(key, value);
      },
    };
    const board = { log: (line: string) => this.lines.push(line) };
    this.list = new LocalList({ open: (format) => new StoredRecord({ storage, format, board }) });
    const { list, platform } = this;
    this.update = new ListUpdate({ list, platform, board, listener: this });
  }

  handleListChanged(): void {
    this.updatedCount++;
  }

  /** Starts a download that gets these pages. */
  download(...pages: JSONObject[]): void {
    this.update.start();
    for (const page of pages) this.platform.answer(page);
  }
}

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("ListUpdate", () => {
  test("stores a list of one page, and reports it", () => {
    bench.download({ version: 7, tags: hashes(3), total: 3 });
    const data = { version: 0, from: 0, limit: LIST_PAGE_TAGS, proofs: true };
    expect(bench.platform.requests).toEqual([{ endpoint: "local-list", data }]);
    expect([bench.list.version, bench.list.count]).toEqual([7, 3]);
    expect(bench.lines).toEqual(["local-list: version 7 with 3 tags"]);
    expect(bench.updatedCount).toBe(1);
  });

  test("requests page by page, and puts the list in force after the last one", () => {
    const total = LIST_PAGE_TAGS + 2;
    bench.download({ version: 7, tags: hashes(LIST_PAGE_TAGS), total });
    expect(bench.platform.requests.at(-1)?.data).toEqual({
      version: 0,
      from: LIST_PAGE_TAGS,
      limit: LIST_PAGE_TAGS,
      proofs: true,
    });
    expect([bench.list.version, bench.updatedCount, bench.lines]).toEqual([0, 0, []]);
    bench.platform.answer({ version: 7, tags: hashes(2, LIST_PAGE_TAGS), total });
    expect([bench.list.version, bench.list.count, bench.updatedCount]).toEqual([7, total, 1]);
    for (const hash of hashes(total)) expect(bench.list.has(hash)).toBe(true);
  });

  test("stores cards with a secret up to their limit, and all plain tags", () => {
    const all = hashes(MAX_LISTED_TAGS);
    const isProof = (n: number) => n % 2 === 0;
    const entries = all.map((hash, n) => (isProof(n) ? `${hash}:${"K".repeat(43)}` : hash));
    bench.update.start();
    for (let from = 0; from < all.length; from += LIST_PAGE_TAGS) {
      const tags = entries.slice(from, from + LIST_PAGE_TAGS);
      bench.platform.answer({ version: 7, tags, total: all.length });
    }
    const keyed = all.filter((hash) => bench.list.stationKeyOf(hash) !== undefined);
    expect(keyed).toEqual(all.filter((_, n) => isProof(n)).slice(0, MAX_LISTED_PROOFS));
    expect(all.filter((hash) => bench.list.has(hash))).toEqual(all.filter((_, n) => !isProof(n)));
    expect(bench.lines).toEqual(["local-list: version 7 with 500 tags, 250 of them with a secret"]);
    expect(bench.list.version).toBe(7);
  });

  test("accepts a full list in one page", () => {
    bench.download({ version: 7, tags: hashes(MAX_LISTED_TAGS), total: MAX_LISTED_TAGS });
    expect(bench.list.count).toBe(MAX_LISTED_TAGS);
  });

  test("takes a page without a total as the last one", () => {
    bench.download({ version: 7, tags: hashes(3) });
    expect([bench.list.version, bench.list.count]).toEqual([7, 3]);
  });

  test.each([
    ["an empty list", []],
    ["an answer without tags", undefined],
  ])("takes %s as a list without tags", (_name, tags) => {
    bench.download({ version: 7, tags: hashes(3) });
    bench.download({ version: 8, tags });
    expect([bench.list.version, bench.list.count, bench.updatedCount]).toEqual([8, 0, 2]);
  });

  test("keeps the list when the platform has the same version", () => {
    bench.download({ version: 7, tags: hashes(3) });
    bench.download({ version: 7 });
    expect(bench.platform.requests.at(-1)?.data.version).toBe(7);
    expect([bench.list.count, bench.updatedCount]).toEqual([3, 1]);
    expect(bench.lines).toHaveLength(1);
  });

  test("requests nothing while a download is in progress, and again after its end", () => {
    bench.update.start();
    bench.update.start();
    expect(bench.platform.requests).toHaveLength(1);
    bench.platform.answer({ version: 7, tags: [] });
    bench.update.start();
    expect(bench.platform.requests).toHaveLength(2);
  });

  test("closes its request, and can start again", () => {
    bench.update.start();
    bench.update.close();
    expect([bench.platform.closed, bench.platform.isAsked]).toEqual([1, false]);
    bench.update.start();
    expect(bench.platform.isAsked).toBe(true);
  });

  test("closes nothing without a download", () => {
    bench.update.close();
    bench.download({ version: 7, tags: [] });
    bench.update.close();
    expect(bench.platform.closed).toBe(0);
  });
});

describe("ListUpdate leaves the old list in force when", () => {
  beforeEach(() => {
    bench.download({ version: 7, tags: hashes(3) });
    bench.lines.length = 0;
  });

  function expectOldList(line: string): void {
    expect(bench.lines).toEqual([line]);
    expect([bench.list.version, bench.list.count, bench.updatedCount]).toEqual([7, 3, 1]);
    expect(bench.list.has(hashes(1)[0] ?? "")).toBe(true);
    expect(bench.platform.isAsked).toBe(false);
  }

  test("the request fails", () => {
    bench.update.start();
    bench.platform.conclude({ ok: false, failure: requestFailure("timeout") });
    expectOldList("local-list: not updated: the platform did not answer");
  });

  test.each<[string, JSONObject]>([
    ["has no version", { tags: [] }],
    ["has a negative version", { version: -1, tags: [] }],
    ["has a version beyond the precision of a double", { version: 2 ** 53, tags: [] }],
    ["has a tag that is no text", { version: 8, tags: [5] }],
    ["has a list in place of a tag", { version: 8, tags: [["a".repeat(64)]] }],
    ["has a tag in upper case", { version: 8, tags: ["A".repeat(64)] }],
    ["has a tag of 63 digits", { version: 8, tags: ["a".repeat(63)] }],
    ["has a tag of 65 digits", { version: 8, tags: ["a".repeat(65)] }],
    ["has a tag beside valid ones that is no hash", { version: 8, tags: [...hashes(2), "x"] }],
    ["has a station key of 42 characters", { version: 8, tags: [`${"a".repeat(64)}:${"K".repeat(42)}`] }],
    ["has a station key in base64", { version: 8, tags: [`${"a".repeat(64)}:${"+".repeat(43)}`] }],
    ["has more tags than the total", { version: 8, tags: hashes(3), total: 2 }],
    ["has too many tags", { version: 8, tags: hashes(MAX_LISTED_TAGS + 1) }],
  ])("the answer %s", (_name, answer) => {
    bench.download(answer);
    expectOldList(NO_LIST);
  });

  test("the version changes between two pages", () => {
    const total = LIST_PAGE_TAGS + 1;
    bench.download({ version: 8, tags: hashes(LIST_PAGE_TAGS), total });
    bench.platform.answer({ version: 9, tags: hashes(1, LIST_PAGE_TAGS), total });
    expectOldList("local-list: not updated: the list changed during the download");
  });

  test.each([0, 1, LIST_PAGE_TAGS - 1, LIST_PAGE_TAGS + 1])(
    "a page before the last one has %d tags",
    (count) => {
      bench.download({ version: 8, tags: hashes(count), total: 2 * LIST_PAGE_TAGS });
      expectOldList(INCOMPLETE);
    },
  );

  test("a later page makes the list longer than the station can store", () => {
    const full = MAX_LISTED_TAGS;
    bench.update.start();
    for (let from = 0; from < full - LIST_PAGE_TAGS; from += LIST_PAGE_TAGS) {
      bench.platform.answer({ version: 8, tags: hashes(LIST_PAGE_TAGS, from), total: full });
    }
    bench.platform.answer({ version: 8, tags: hashes(LIST_PAGE_TAGS + 1) });
    expectOldList(NO_LIST);
  });

  test.each([
    ["no flash", new Error("no flash")],
    ["unknown", "text"],
  ])("the storage fails: %s", (why, storageError) => {
    bench.storageError = storageError;
    bench.download({ version: 8, tags: hashes(2) });
    expectOldList(`local-list: not updated: ${why}`);
  });
});
