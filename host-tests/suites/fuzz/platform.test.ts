/** Fuzzes what the platform receives: files of cards, calls of the admin page, and the data of stations' requests. */

import { createHash, createHmac } from "node:crypto";
import { expect, jest, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import { decodeUTF8, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { answer } from "../../../platform-stub/admin/api.js";
import { CSVError, formatCards, parseCards } from "../../../platform-stub/admin/cards-csv.js";
import { ENDPOINTS } from "../../../platform-stub/endpoints.js";
import type { TagEntry } from "../../../platform-stub/entries.js";
import { deviceId, label, tagText } from "../../../platform-stub/fields.js";
import type { Registry } from "../../../platform-stub/registry.js";
import { Traffic } from "../../../platform-stub/traffic.js";
import { fuzz, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { BAR, CAFE, ownersWithCards, SESSION } from "../owners.js";
import { holds, same } from "./oracle.js";

/** Cards that a fuzzer keeps, so that a long run does not become slower. */
const MAX_CARDS = 20;
const HOUR_MS = 60 * 60_000;
const LABELS = [
  "Žofie",
  "=1+1",
  "+x",
  "-x",
  "@x",
  "'=x",
  "''",
  'a"b',
  "a,b",
  "a;b",
  "a\u2028b",
  "(none)",
  " x ",
  "=",
];
const CELLS = [
  '"',
  ",",
  "\r\n",
  "\n",
  "=",
  "'",
  ";",
  "\t",
  "\0",
  "(none)",
  "yes",
  "1e3",
  "-1",
  "é",
  "\ufeff",
  "cafe-1",
];

jest.setTimeout(2 * HOUR_MS);

/** The users, stations and cards that the rules of cards look up. */
function knownBy(registry: Registry) {
  return {
    isUser: (email: string) => registry.user(email) !== undefined,
    ownerOf: (id: string) => registry.device(id)?.owner,
    card: (tag: string) => registry.tag(tag),
    cards: registry.tags.length,
  };
}

function makeCard(random: Random, i: number): TagEntry {
  const owner = random.pick([CAFE, BAR]).email;
  const stations = random.pick([undefined, [], owner === CAFE.email ? ["cafe-1", "cafe-2"] : ["bar-1"]]);
  return {
    tag: `CARD-${i}-${random.int(1000)}`,
    owner,
    label: random.bool() ? random.pick(LABELS) : undefined,
    stations,
    blocked: random.bool(0.3) || undefined,
    maxCurrent: random.bool(0.3) ? 6 + random.int(70) : undefined,
    cacheFor: random.bool(0.3) ? random.int(1_000_000) : undefined,
  };
}

const plain = (cards: readonly object[]): unknown => JSON.parse(JSON.stringify(cards));

/** Cells that a spreadsheet would run as formulas. */
function formulasIn(csv: string): string[] {
  const rows: string[][] = parse(csv, { bom: true });
  return rows.flat().filter((cell) => /^[=+\-@\t\r]/.test(cell));
}

test(`${FUZZ_RUNS} files of cards are refused with their mistakes, or have valid cards that are exported as they were`, () => {
  const registry = ownersWithCards();
  const known = knownBy(registry);
  let accepted = 0;
  const runs = fuzz({
    seed: 131,
    make: (random) => {
      const cards = Array.from({ length: random.int(4) }, (_, i) => makeCard(random, i));
      const csv = formatCards(cards);
      const changed = random.bool(0.3) ? csv : decodeUTF8(mutated(random, encodeUTF8(csv), CELLS));
      return { cards, csv: changed ?? csv, isExport: changed === undefined || changed === csv };
    },
    check: ({ cards, csv, isExport }) => {
      let read: TagEntry[];
      try {
        read = parseCards(csv, known);
      } catch (error) {
        if (!(error instanceof CSVError)) throw error;
        holds(error.mistakes.length > 0 && error.mistakes.length <= 21, "the mistakes are not listed");
        holds(!isExport, "an export is refused");
        return;
      }
      accepted++;
      if (isExport) same(plain(read), plain(cards));
      same(new Set(read.map(({ tag }) => tag)).size, read.length);
      for (const card of read) {
        holds(tagText.safeParse(card.tag).success && known.isUser(card.owner), "an invalid card");
        holds(card.label === undefined || label.safeParse(card.label).success, "an invalid label");
        holds(card.stations?.every((id) => deviceId.safeParse(id).success) ?? true, "an invalid station");
      }
      const exported = formatCards(read);
      same(formulasIn(exported), []);
      same(plain(parseCards(exported, known)), plain(read));
    },
  });
  expect(accepted).toBeGreaterThan(runs / 10);
});

/** Secrets that no answer may contain. */
function secretsOf(registry: Registry): string[] {
  return [CAFE.token, BAR.token, ...registry.devices.map(({ key }) => key)];
}

const PATHS = [
  "cards",
  "cards.csv",
  "stations",
  "sessions",
  "energy",
  "requests",
  "diagnostics",
  "secrets",
  "card-files",
  "expected",
  "constructor",
  "__proto__",
  "",
];
const NAMES = [
  "GUEST-0001",
  "GUEST-0004",
  "NEW-0001",
  "cafe-1",
  CAFE.email,
  "x",
  "__proto__",
  "A".repeat(70),
  "é",
  "\0",
];
const BODIES = [
  JSON.stringify({ owner: CAFE.email, label: "new" }),
  JSON.stringify({ owner: BAR.email, stations: ["bar-1"] }),
  JSON.stringify({ device: "cafe-1" }),
  "{}",
  "",
].map(encodeUTF8);

test(`${FUZZ_RUNS} calls of the admin page have an answer without a secret, and refused ones change nothing`, () => {
  const registry = ownersWithCards();
  const options = {
    registry,
    traffic: new Traffic(),
    watcher: {
      isConnected: true,
      statusOf: () => ({ values: {}, lastMessageMs: undefined }),
      requestDiagnostics: () => {},
    },
  };
  const secrets = secretsOf(registry);
  const statuses = new Set<number>();
  fuzz({
    seed: 132,
    make: (random) => ({
      method: random.pick(["GET", "GET", "PUT", "PUT", "DELETE", "POST", "PATCH", ""]),
      path: [random.pick(PATHS), random.pick(NAMES), "more"].slice(0, random.pick([0, 1, 1, 2, 2, 2, 3])),
      query: `search=${random.pick(["", "g", "\0"])}&offset=${random.pick(["0", "-1", "1e9", "x"])}&edges=${random.pick(["0,1", "1,0", "", "0,1,2", "a"])}`,
      body: decodeUTF8(mutated(random, random.pick(BODIES), ['"', "{", "null", "1e999"])) ?? "",
      isNew: random.bool(),
    }),
    check: ({ query, ...call }) => {
      const before = JSON.stringify([registry.data, registry.acceptances.map(({ owner }) => owner)]);
      const answered = answer({ ...call, query: new URLSearchParams(query) }, options);
      statuses.add(answered.status);
      const text = JSON.stringify(answered);
      for (const secret of secrets) holds(!text.includes(secret), `a secret is in the answer: ${text}`);
      if (answered.status < 400 && call.method !== "GET") {
        for (const { tag } of registry.tags.slice(MAX_CARDS)) registry.deleteTag(tag);
        return;
      }
      same(JSON.stringify([registry.data, registry.acceptances.map(({ owner }) => owner)]), before);
    },
  });
  expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 400, 404, 405]));
});

const VALUES = [
  0,
  1,
  -1,
  1.5,
  2 ** 53,
  1e300,
  "",
  "x",
  "GUEST-0001",
  "GUEST-0004",
  null,
  true,
  [],
  {},
  ["x"],
  CAFE.email,
  BAR.email,
  "ab".repeat(32),
];
const REQUESTS: readonly object[] = [
  { tag: "GUEST-0001", method: "ble" },
  SESSION,
  { version: 0, from: 0, limit: 50 },
  { tag: "NEW-0001", label: "new" },
  { owner: BAR.email },
  { uptimeMs: 1, timeMs: null, counters: { boots: 1 }, events: [[0, "boot", null, 1]] },
];

function makeData(random: Random): unknown {
  if (random.bool(0.05)) return random.pick(VALUES);
  const data: Record<string, unknown> = { ...random.pick(REQUESTS) };
  for (let left = random.int(3); left > 0; left--) {
    const field = random.pick([
      ...Object.keys(data),
      "tag",
      "owner",
      "proof",
      "nonce",
      "__proto__",
      "toString",
    ]);
    if (random.bool(0.3)) delete data[field];
    else data[field] = random.pick(VALUES);
  }
  return data;
}

test(`${FUZZ_RUNS} requests of a station have a decision, and change nothing of another owner`, () => {
  const registry = ownersWithCards();
  const of = (email: string) => {
    const { devices, tags } = registry.data;
    return JSON.stringify([devices, tags].map((list) => list.filter(({ owner }) => owner === email)));
  };
  const before = of(BAR.email);
  const secrets = secretsOf(registry);
  const codes = new Set<string>();
  fuzz({
    seed: 133,
    make: (random) => ({ endpoint: random.pick(Object.keys(ENDPOINTS)), data: makeData(random) }),
    check: ({ endpoint, data }) => {
      const device = registry.device("cafe-1");
      const decide = ENDPOINTS[endpoint];
      if (!device || !decide) throw new Error("the station is gone");
      const decision = decide(data, device, { registry, hasStationTokens: true, requestId: "1" });
      codes.add(decision.code);
      same(decision.status === "1", decision.code === "200");
      const text = JSON.stringify(decision);
      for (const secret of secrets) holds(!text.includes(secret), `a secret is in the answer: ${text}`);
      const { tag } = Object(data) as { tag?: unknown };
      const isOwn = registry.tagsAt(device).some((one) => one.tag === tag);
      holds(
        decision.data.authorized !== true || isOwn,
        "a card was authorized that this station does not accept",
      );
      same(of(BAR.email), before);
    },
  });
  expect([...codes].sort()).toEqual(expect.arrayContaining(["200", "400", "403"]));
});

test(`${FUZZ_RUNS} proofs authorize a card only if they are right, and each nonce once`, () => {
  const SECRET = Buffer.alloc(32, 9);
  const CARD = "abcdefghijklmnop";
  const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  const station = createHash("sha256").update("cafe-1").digest("hex").slice(0, 16);
  const stationKey = hmac(SECRET, `plugpass-station|${station}`);
  const proofOf = (nonce: string) =>
    hmac(stationKey, `p1|${station}|${nonce}|${CARD}`).subarray(0, 16).toString("base64url");
  const registry = ownersWithCards();
  registry.putTag({ tag: CARD, owner: CAFE.email, accepts: "proof", secret: SECRET.toString("base64url") });
  const device = registry.device("cafe-1");
  const decide = ENDPOINTS.authorize;
  const used = new Set<string>();
  let request = 0;
  let authorized = 0;
  const runs = fuzz({
    seed: 134,
    make: (random) => {
      const nonce = encodeHex(random.bytes(16));
      const nonces = random.bool(0.1) ? [...used] : [];
      const given = nonces.length > 0 ? random.pick(nonces) : nonce;
      const right = proofOf(random.bool(0.9) ? given : nonce);
      const wrong = decodeUTF8(mutated(random, encodeUTF8(right), ["A", "=", "-"])) ?? "";
      return { nonce: given, proof: random.bool(0.4) ? right : wrong };
    },
    check: ({ nonce, proof }) => {
      if (!device || !decide) throw new Error("the station is gone");
      const data = { tag: CARD, method: "ble", nonce, proof };
      const context = { registry, hasStationTokens: true, requestId: String(++request) };
      const decision = decide(data, device, context);
      const isRight = proof === proofOf(nonce) && !used.has(nonce);
      same(decision.data.authorized === true, isRight);
      same("receipt" in decision.data, isRight);
      if (!isRight) return;
      authorized++;
      used.add(nonce);
      const [oldest] = used;
      if (used.size > 100 && oldest !== undefined) used.delete(oldest);
    },
  });
  expect(authorized).toBeGreaterThan(runs / 10);
});
