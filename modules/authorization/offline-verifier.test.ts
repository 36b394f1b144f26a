import { beforeEach, describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { FirmwareRun, Flash } from "../../host-tests/virtual/board/index.js";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import { StoredRecord } from "../settings/index.js";
import {
  AnswerCache,
  type Card,
  LocalList,
  type OfflinePolicy,
  OfflineVerifier,
  tagHash,
  type Verdict,
} from "./index.js";

const TAG = "04A1B2C3";
const CRYPTO = virtualCrypto(new Random(1));
const CARD = cardOf(TAG);
const UNKNOWN = {
  type: "failed",
  failure: { code: "unknown-offline", message: "the card is unknown without the platform" },
};
/** Nothing was looked up. */
const DENIED: Verdict = {
  type: "failed",
  failure: { code: "offline", message: "no card is authorized without the platform" },
};

class Bench {
  readonly clock = new VirtualClock();
  readonly cache = new AnswerCache({ clock: this.clock });
  readonly lines: string[] = [];
  readonly list: LocalList;
  readonly verifier: OfflineVerifier;
  readonly hash: string;
  readonly settings: { now: { offlinePolicy: OfflinePolicy } } = { now: { offlinePolicy: "list-and-cache" } };
  /** Error of the storage. */
  storageError: unknown;

  constructor() {
    const { clock, cache } = this;
    const opened = new Flash().open("plugpass", new FirmwareRun({ clock, onEnd: () => {} }));
    const storage = {
      ...opened,
      write: (key: string, value: Uint8Array<ArrayBuffer> | ArrayBuffer) => {
        if (this.storageError !== undefined) throw this.storageError;
        opened.write(key, value);
      },
    };
    const log = (line: string) => this.lines.push(line);
    this.list = new LocalList({ open: (format) => new StoredRecord({ storage, format, board: { log } }) });
    this.hash = CARD.hash;
    const { list, settings } = this;
    this.verifier = new OfflineVerifier({ board: { clock, crypto: CRYPTO, log }, list, cache, settings });
  }

  fillList(): void {
    this.list.put(0, [this.hash]);
    this.list.commit({ version: 1, count: 1 });
  }

  verify(card: Card = CARD): Verdict | undefined {
    let verdict: Verdict | undefined;
    this.verifier.verify(card, (given) => {
      verdict = given;
    });
    expect(verdict).toBeUndefined();
    this.clock.advance(0);
    return verdict;
  }
}

function cardOf(tag: string): Card {
  return { tag, hash: tagHash(CRYPTO, tag), method: "ble" };
}

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("OfflineVerifier", () => {
  test.each<[OfflinePolicy, unknown, unknown]>([
    ["deny", DENIED, DENIED],
    ["list", { type: "authorized", by: "the local list" }, UNKNOWN],
    [
      "list-and-cache",
      { type: "authorized", by: "the local list" },
      { type: "authorized", maxCurrentA: 10, by: "the cache" },
    ],
  ])("under the policy %s decides by the sources that the policy allows", (policy, byList, byCache) => {
    bench.settings.now = { offlinePolicy: policy };
    bench.fillList();
    expect(bench.verify()).toEqual(byList);
    bench.list.clear();
    bench.cache.allow(bench.hash, 60, 10);
    expect(bench.verify()).toEqual(byCache);
  });

  test("prefers the cache, because it has the current limit", () => {
    bench.fillList();
    bench.cache.allow(bench.hash, 60, 10);
    expect(bench.verify()).toEqual({ type: "authorized", maxCurrentA: 10, by: "the cache" });
  });

  test("does not decide once it is closed", () => {
    let count = 0;
    bench.verifier.verify(CARD, () => count++).close();
    bench.clock.advance(1000);
    expect(count).toBe(0);
  });

  test.each<[OfflinePolicy, boolean, boolean]>([
    ["deny", false, false],
    ["list", true, false],
    ["list-and-cache", true, true],
  ])("under the policy %s can authorize with a list: %s, with a cache: %s", (policy, withList, withCache) => {
    bench.settings.now = { offlinePolicy: policy };
    expect(bench.verifier.canAuthorize).toBe(false);
    bench.fillList();
    expect(bench.verifier.canAuthorize).toBe(withList);
    bench.list.clear();
    bench.cache.allow(bench.hash, 60, undefined);
    expect(bench.verifier.canAuthorize).toBe(withCache);
  });
});

describe("The platform's verdict", () => {
  test("is cached for as long as the platform allows", () => {
    bench.verifier.recordVerdict(CARD, { type: "authorized", cacheForS: 60, maxCurrentA: 8 });
    expect(bench.cache.get(bench.hash)).toEqual({ maxCurrentA: 8 });
  });

  test("that allows no caching removes an earlier answer", () => {
    bench.cache.allow(bench.hash, 60, 8);
    bench.verifier.recordVerdict(CARD, { type: "authorized" });
    expect(bench.cache.size).toBe(0);
  });

  test("that rejects removes the tag from cache and list; one that authorizes restores it to the list", () => {
    bench.fillList();
    bench.cache.allow(bench.hash, 60, 8);
    bench.verifier.recordVerdict(CARD, { type: "rejected", reason: "blocked" });
    expect(bench.cache.size).toBe(0);
    expect(bench.list.has(bench.hash)).toBe(false);
    expect(bench.verify()).toEqual(UNKNOWN);
    bench.verifier.recordVerdict(CARD, { type: "authorized" });
    expect(bench.list.has(bench.hash)).toBe(true);
  });

  test("that failed changes nothing", () => {
    bench.fillList();
    bench.cache.allow(bench.hash, 60, 8);
    bench.verifier.recordVerdict(CARD, {
      type: "failed",
      failure: { code: "no-decision", message: "nonsense" },
    });
    expect(bench.cache.get(bench.hash)).toEqual({ maxCurrentA: 8 });
    expect(bench.list.has(bench.hash)).toBe(true);
  });

  test.each([
    ["no flash", new Error("no flash")],
    ["unknown", "text"],
  ])("that cannot be stored is reported as %s, and holds until the restart", (why, storageError) => {
    bench.fillList();
    bench.storageError = storageError;
    bench.verifier.recordVerdict(CARD, { type: "rejected", reason: "blocked" });
    expect(bench.lines).toEqual([`local-list: not stored: ${why}`]);
    expect(bench.list.has(bench.hash)).toBe(false);
  });
});

describe("OfflineVerifier with a card with a secret", () => {
  /** The vector of docs/protocol.md, section 8. */
  const CARD_ID = "ka5tqgx2m7bd4wzn";
  const ENTRY =
    "f2b37920a336e2634731b4781fcc442631aee439ba8e970fa5f3a2d57bc50f43:R0-_zrvzXmpJZXxQRRzmnqcOsxY8f20YQkwO_vu3WRY";
  const PROOF = {
    station: "9bfe92c29bb3d174",
    nonce: "000102030405060708090a0b0c0d0e0f",
    proof: "lgGqmSxrn3062BvpcltRVA",
  };
  const STATIC = cardOf(CARD_ID);
  const PROVEN: Card = { ...STATIC, proof: PROOF };
  const BY_LIST: Verdict = { type: "authorized", by: "the local list" };

  beforeEach(() => {
    bench.list.put(0, [ENTRY]);
    bench.list.commit({ version: 1, count: 1 });
  });

  test("authorizes the proof of the protocol's vector", () => {
    expect(bench.verify(PROVEN)).toEqual(BY_LIST);
  });

  test.each<[string, Card]>([
    ["another proof", { ...PROVEN, proof: { ...PROOF, proof: "A".repeat(22) } }],
    ["another nonce", { ...PROVEN, proof: { ...PROOF, nonce: "0".repeat(32) } }],
    ["another station", { ...PROVEN, proof: { ...PROOF, station: "0".repeat(16) } }],
    ["another card", { ...cardOf("a".repeat(16)), proof: PROOF }],
    ["no proof", STATIC],
  ])("does not authorize %s", (_name, card) => {
    expect(bench.verify(card)).toEqual(UNKNOWN);
  });

  test("does not authorize a proof of a card that is listed as a plain tag alone", () => {
    bench.list.put(0, [ENTRY.slice(0, 64)]);
    bench.list.commit({ version: 2, count: 1 });
    expect([bench.verify(PROVEN), bench.verify(STATIC)]).toEqual([UNKNOWN, BY_LIST]);
  });

  test("does not authorize a proof under the policy deny", () => {
    bench.settings.now = { offlinePolicy: "deny" };
    expect(bench.verify(PROVEN)).toEqual(DENIED);
  });

  test("never caches the platform's answer to a proof", () => {
    bench.verifier.recordVerdict(PROVEN, { type: "authorized", cacheForS: 600 });
    expect(bench.cache.size).toBe(0);
    expect(bench.verify(STATIC)).toEqual(UNKNOWN);
  });

  test("strikes a card that the platform has blocked, until it authorizes a proof again", () => {
    bench.verifier.recordVerdict(PROVEN, { type: "rejected", reason: "blocked" });
    expect(bench.verify(PROVEN)).toEqual(UNKNOWN);
    bench.verifier.recordVerdict(PROVEN, { type: "authorized" });
    expect(bench.verify(PROVEN)).toEqual(BY_LIST);
  });

  test.each<[string, Card]>([
    ["wrong proofs", PROVEN],
    ["its public id as a plain tag", STATIC],
  ])("strikes no card for %s that the platform has rejected", (_name, card) => {
    bench.verifier.recordVerdict(card, { type: "rejected", reason: "not-allowed" });
    expect(bench.verify(PROVEN)).toEqual(BY_LIST);
  });
});
