/** Tests of the platform's decisions about cards with a secret, with the vector of docs/protocol.md, section 8. */

import { beforeEach, describe, expect, test } from "@jest/globals";
import { BAR, CAFE } from "../host-tests/suites/owners.js";
import { usernameOf } from "./accounts.js";
import { cardLinkOf, makeCardId, makeSecret } from "./cards.js";
import { ENDPOINTS } from "./endpoints.js";
import type { CardEntry } from "./entries.js";
import { cardSecret } from "./fields.js";
import { Registry } from "./registry.js";
import { MemoryStore } from "./store.js";

const SECRET = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const CARD: CardEntry = { tag: "ka5tqgx2m7bd4wzn", owner: CAFE.email, accepts: "proof", secret: SECRET };
const NONCE = "000102030405060708090a0b0c0d0e0f";
const PROOF = "lgGqmSxrn3062BvpcltRVA";
const KEY = "R0-_zrvzXmpJZXxQRRzmnqcOsxY8f20YQkwO_vu3WRY";
const PLAIN = { tag: CARD.tag, method: "ble" };
const PROVED = { ...PLAIN, proof: PROOF, nonce: NONCE };

let store: MemoryStore;
let registry: Registry;
let reported: string[];

beforeEach(() => {
  store = new MemoryStore();
  reported = [];
  registry = new Registry({ users: [CAFE, BAR], devices: [], tags: [] }, { store });
  for (const id of ["station-1", "station-2"]) registry.addDevice({ id, owner: CAFE.email });
  registry.putTag(CARD);
});

function ask(endpoint: string, data: object, { id = "station-1", requestId = "1" } = {}) {
  const device = registry.device(id);
  const decide = ENDPOINTS[endpoint];
  if (!device || !decide) throw new Error("no such device or endpoint");
  const report = (what: string) => reported.push(what);
  return decide(data, device, { registry, hasStationTokens: true, requestId, report });
}

function refused(reason: string) {
  return { status: "1", code: "200", data: { authorized: false, reason } };
}

describe("authorize with a proof", () => {
  test("authorizes a right proof with the vector's receipt, and without a time for the station's cache", () => {
    registry.putTag({ ...CARD, maxCurrent: 10, cacheFor: 3600 });
    expect(ask("authorize", PROVED).data).toEqual({
      authorized: true,
      maxCurrent: 10,
      receipt: "136da0d275500490",
    });
  });

  test.each<[string, Partial<CardEntry>]>([
    ["blocked", { blocked: true }],
    ["wrong-station", { stations: ["station-2"] }],
  ])("refuses a card as %s with the vector's receipt for 403", (reason, fields) => {
    registry.putTag({ ...CARD, ...fields });
    const { data } = ask("authorize", PROVED);
    expect(data).toEqual({ authorized: false, reason, receipt: "17fde1605f7a9287" });
  });

  test("refuses a right proof of another owner's card as unknown, without a receipt", () => {
    registry.putTag({ ...CARD, owner: BAR.email });
    expect(ask("authorize", PROVED)).toEqual({ ...refused("unknown-tag"), note: "wrong-owner" });
  });

  test.each([
    ["another proof", { proof: `${PROOF.slice(0, -1)}Q` }],
    ["a shortened proof", { proof: PROOF.slice(1) }],
    ["an empty proof", { proof: "" }],
    ["another nonce", { nonce: "f".repeat(32) }],
  ])("refuses %s as wrong, without a receipt, and leaves the nonce unused", (_what, fields) => {
    expect(ask("authorize", { ...PROVED, ...fields })).toEqual(refused("wrong-proof"));
    expect(ask("authorize", PROVED, { requestId: "2" }).data).toMatchObject({ authorized: true });
  });

  test("refuses a proof that was recorded at another station", () => {
    expect(ask("authorize", PROVED, { id: "station-2" })).toEqual(refused("wrong-proof"));
  });

  test("refuses a repeated proof without a receipt and reports it, also after a restart", () => {
    ask("authorize", PROVED);
    expect(ask("authorize", PROVED, { requestId: "2" })).toEqual(refused("nonce-used"));
    registry = new Registry(undefined, { store });
    expect(ask("authorize", PROVED, { requestId: "3" })).toEqual(refused("nonce-used"));
    expect(reported).toHaveLength(2);
    expect(reported[0]).toContain("authorize of station-1: a recorded proof was sent again");
  });

  test("gives a repeated request the same answer, also after a restart", () => {
    const first = ask("authorize", PROVED);
    registry = new Registry(undefined, { store });
    expect(ask("authorize", PROVED)).toEqual(first);
    expect(reported).toEqual([]);
  });

  test("uses up the nonce of a refused card", () => {
    registry.putTag({ ...CARD, blocked: true });
    ask("authorize", PROVED);
    registry.putTag({ ...CARD, blocked: false });
    expect(ask("authorize", PROVED, { requestId: "2" })).toEqual(refused("nonce-used"));
  });

  test.each([
    ["without a nonce", { nonce: undefined }],
    ["with a nonce in upper case", { nonce: NONCE.toUpperCase() }],
    ["with a short nonce", { nonce: NONCE.slice(2) }],
    ["with a proof that is no text", { proof: 1 }],
  ])("is an error %s", (_what, fields) => {
    expect(ask("authorize", { ...PROVED, ...fields })).toMatchObject({ status: "0", code: "400" });
  });

  test("refuses an unknown card, and a card without a secret", () => {
    registry.putTag({ tag: CARD.tag, owner: CAFE.email });
    expect(ask("authorize", PROVED)).toEqual(refused("static-required"));
    registry.deleteTag(CARD.tag);
    expect(ask("authorize", PROVED)).toEqual(refused("unknown-tag"));
  });
});

describe("a card that accepts", () => {
  test("proofs only is refused by its plain number", () => {
    expect(ask("authorize", PLAIN)).toEqual(refused("proof-required"));
  });

  test("both is authorized by its plain number and by a proof", () => {
    registry.putTag({ ...CARD, accepts: "both" });
    expect(ask("authorize", PLAIN).data).toEqual({ authorized: true });
    expect(ask("authorize", PROVED).data).toMatchObject({ authorized: true, receipt: expect.any(String) });
  });

  test("proofs keeps its secret when it is changed, and gets another one on demand", () => {
    registry.putTag({ tag: CARD.tag, owner: CAFE.email, accepts: "both", label: "Anna" });
    expect(registry.cardFile(CARD.tag)).toEqual({ v: 1, cardId: CARD.tag, secret: SECRET, label: "Anna" });
    registry.replaceSecret(CARD.tag);
    expect(registry.cardFile(CARD.tag)?.secret).not.toBe(SECRET);
    expect(ask("authorize", PROVED)).toEqual(refused("wrong-proof"));
  });

  test("no proofs any more has lost its secret, also when it accepts them again", () => {
    registry.putTag({ tag: CARD.tag, owner: CAFE.email });
    expect(registry.cardFile(CARD.tag)).toBeUndefined();
    expect(() => registry.replaceSecret(CARD.tag)).toThrow("has no secret");
    registry.putTag({ tag: CARD.tag, owner: CAFE.email, accepts: "proof" });
    expect(registry.cardFile(CARD.tag)?.secret).not.toBe(SECRET);
  });

  test("proofs and is deleted takes its secret along", () => {
    registry.deleteTag(CARD.tag);
    expect(store.secrets.all()).toEqual([]);
  });

  test("proofs needs a number of 16 characters of base32", () => {
    const wrong = { tag: "GUEST-0001", owner: CAFE.email, accepts: "proof" } as const;
    expect(() => registry.putTag(wrong)).toThrow("needs a number of 16 characters of a-z 2-7");
    expect(() => registry.putTag({ ...CARD, accepts: "static" })).toThrow("has no secret");
  });

  test("proofs is listed without its secret", () => {
    expect(JSON.stringify(registry.tags)).not.toContain(SECRET);
    expect(registry.data.tags).toEqual([CARD]);
  });
});

describe("local-list", () => {
  const HASH = usernameOf(CARD.tag);

  test("has an entry with the vector's key for a card that accepts proofs, and two for both", () => {
    expect(ask("local-list", { version: 0, proofs: true }).data).toMatchObject({ tags: [`${HASH}:${KEY}`] });
    registry.putTag({ ...CARD, accepts: "both" });
    const { tags } = ask("local-list", { version: 0, proofs: true }).data;
    expect(tags).toEqual([HASH, `${HASH}:${KEY}`]);
  });

  test("has the plain cards only for a station that checks no proofs", () => {
    expect(ask("local-list", { version: 0 }).data).toMatchObject({ tags: [], total: 0 });
    registry.putTag({ ...CARD, accepts: "both" });
    expect(ask("local-list", { version: 0 }).data).toMatchObject({ tags: [HASH], total: 1 });
  });

  test("has another key for another station, and never the secret", () => {
    const lists = ["station-1", "station-2"].map((id) =>
      ask("local-list", { version: 0, proofs: true }, { id }),
    );
    expect(lists[0]?.data.tags).not.toEqual(lists[1]?.data.tags);
    expect(JSON.stringify(lists)).not.toContain(SECRET);
  });

  test("has another version after a new secret, and in another form", () => {
    const version = () => ask("local-list", { version: 0, proofs: true }).data.version;
    const before = version();
    expect(version()).toBe(before);
    registry.replaceSecret(CARD.tag);
    expect(version()).not.toBe(before);
    registry.putTag({ tag: CARD.tag, owner: CAFE.email });
    expect(version()).not.toBe(ask("local-list", { version: 0 }).data.version);
  });

  test("is refused with a form that is no truth value", () => {
    expect(ask("local-list", { version: 0, proofs: "yes" }).code).toBe("400");
  });
});

test("numbers and secrets that the platform makes have the protocol's form, and differ", () => {
  const ids = new Set(Array.from({ length: 200 }, makeCardId));
  expect(ids.size).toBe(200);
  for (const id of ids) expect(id).toMatch(/^[a-z2-7]{16}$/);
  expect(new Set([...ids].join("")).size).toBe(32);
  const secrets = new Set(Array.from({ length: 200 }, makeSecret));
  expect(secrets.size).toBe(200);
  for (const secret of secrets) expect(cardSecret.safeParse(secret).success).toBe(true);
});

test("a card's link has its number, its secret and its label", () => {
  const card = { v: 1, cardId: CARD.tag, secret: SECRET } as const;
  expect(cardLinkOf(card)).toBe(`plugpass:card?id=ka5tqgx2m7bd4wzn&secret=${SECRET}`);
  expect(cardLinkOf({ ...card, label: "Žofie & Co" })).toContain("&label=%C5%BDofie%20%26%20Co");
});
