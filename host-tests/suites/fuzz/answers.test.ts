/** Fuzzes what a station does with the opened answers of its platform: verdicts about tags, and pages of the local list. */

import { expect, jest, test } from "@jest/globals";
import {
  type Card,
  LIST_PAGE_TAGS,
  ListUpdate,
  LocalList,
  PlatformVerifier,
  type Verdict,
} from "../../../modules/authorization/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import type { RequestOutcome } from "../../../modules/requests/index.js";
import { StoredRecord } from "../../../modules/settings/index.js";
import { FirmwareRun, Flash } from "../../virtual/board/index.js";
import { VirtualClock } from "../../virtual/world/clock.js";
import { fuzz } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { holds, same } from "./oracle.js";

const HOUR_MS = 60 * 60_000;
const CARD: Card = { tag: "GUEST-0001", hash: "ab".repeat(32), method: "ble" };
const VALUES = [
  0,
  1,
  5,
  6,
  16,
  -1,
  1.5,
  2 ** 53,
  1e300,
  Number.NaN,
  "",
  "1",
  "true",
  true,
  false,
  null,
  [],
  {},
];
const FIELDS = ["authorized", "maxCurrent", "cacheFor", "reason", "receipt", "__proto__", "constructor"];

jest.setTimeout(2 * HOUR_MS);

/** A platform that answers with the next outcome. */
class ScriptedPlatform {
  readonly outcomes: RequestOutcome[] = [];

  request(_endpoint: string, _data: JSONObject, done: (outcome: RequestOutcome) => void) {
    const outcome = this.outcomes.shift();
    if (outcome) done(outcome);
    return { close: () => {} };
  }
}

test(`${FUZZ_RUNS} answers to authorize are obeyed only if they say true or false, with a current that a station can offer`, () => {
  const types = new Set<string>();
  fuzz({
    seed: 151,
    make: (random) => {
      const data: Record<string, unknown> = { authorized: random.pick([true, true, false]) };
      for (let left = random.int(4); left > 0; left--) data[random.pick(FIELDS)] = random.pick(VALUES);
      return data;
    },
    check: (data) => {
      const platform = new ScriptedPlatform();
      platform.outcomes.push({ ok: true, data });
      const verdicts: Verdict[] = [];
      new PlatformVerifier(platform).verify(CARD, (verdict) => verdicts.push(verdict));
      const [verdict] = verdicts;
      holds(verdict !== undefined && verdicts.length === 1, "not exactly one verdict");
      if (!verdict) return;
      types.add(verdict.type);
      const { maxCurrent } = data;
      const canOffer =
        maxCurrent === undefined ||
        (typeof maxCurrent === "number" && maxCurrent >= 6 && maxCurrent < 2 ** 53);
      same(verdict.type === "authorized", data.authorized === true && canOffer);
      same(verdict.type === "rejected", data.authorized === false);
      if (verdict.type === "rejected") holds(verdict.reason.length > 0, "a rejection without a reason");
      if (verdict.type === "authorized")
        holds(verdict.cacheForS === undefined || verdict.cacheForS >= 1, "an invalid validity");
    },
  });
  expect(types).toEqual(new Set(["authorized", "rejected", "failed"]));
});

function hashOf(number: number): string {
  return number.toString(16).padStart(8, "0").repeat(8);
}

/** The pages of a list, of which some are wrong. */
function makePages(random: Random): JSONObject[] {
  const version = 1 + random.int(1000);
  const total = random.int(random.pick([5, LIST_PAGE_TAGS + 1, 3 * LIST_PAGE_TAGS]));
  const entries = Array.from(
    { length: total },
    (_, i) => hashOf(i) + (random.bool(0.2) ? `:${"A".repeat(43)}` : ""),
  );
  const pages: Record<string, unknown>[] = [];
  for (let from = 0; from === 0 || from < total; from += LIST_PAGE_TAGS) {
    pages.push({ version, tags: entries.slice(from, from + LIST_PAGE_TAGS), total });
  }
  if (random.bool(0.5)) {
    const page = random.pick(pages);
    const field = random.pick(["version", "tags", "total", "__proto__"]);
    page[field] = random.pick<unknown>([...VALUES, 499, 500, 501, [hashOf(1)], ["x"], [null], entries]);
  }
  if (random.bool(0.2)) pages.splice(random.int(pages.length), 1);
  return pages;
}

test(`${FUZZ_RUNS} downloads of a list leave the former list, or put a complete one into force`, () => {
  const flash = new Flash();
  const storage = flash.open("plugpass", new FirmwareRun({ clock: new VirtualClock(), onEnd: () => {} }));
  const board = { log: () => {} };
  const open = () => new LocalList({ open: (format) => new StoredRecord({ storage, format, board }) });
  let list = open();
  let changes = 0;
  const runs = fuzz({
    seed: 152,
    make: makePages,
    check: (pages, random) => {
      const platform = new ScriptedPlatform();
      platform.outcomes.push(...pages.map((data): RequestOutcome => ({ ok: true, data })));
      const before = [list.version, list.count];
      let isChanged = false;
      const listener = { handleListChanged: () => (isChanged = true) };
      const update = new ListUpdate({ list, platform, board, listener });
      update.start();
      update.close();
      if (!isChanged) same([list.version, list.count], before);
      else {
        changes++;
        const used = pages.slice(0, pages.length - platform.outcomes.length);
        for (const { version } of used) same(version, list.version);
        same(used.flatMap(({ tags }) => (Array.isArray(tags) ? tags : [])).length, list.count);
      }
      if (random.bool(0.1)) {
        const kept = [list.version, list.count];
        list = open();
        same([list.version, list.count], kept);
      }
    },
  });
  expect(changes).toBeGreaterThan(runs / 10);
});
