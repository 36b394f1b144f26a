import { beforeEach, describe, expect, test } from "@jest/globals";
import { BAR, CAFE, FINISHED, SESSION, twoOwners } from "../host-tests/suites/owners.js";
import { usernameOf } from "./accounts.js";
import { ENDPOINTS } from "./endpoints.js";
import { METHODS } from "./methods.js";
import type { Registry } from "./registry.js";
import { doubtsOf } from "./session-doubts.js";

/** 2026-01-01 UTC. */
const START = 1_767_225_600;
const reported: string[] = [];
let requests = 0;

function ask(registry: Registry, endpoint: string, data: unknown, id = "cafe-1", hasStationTokens = true) {
  const device = registry.device(id);
  const decide = ENDPOINTS[endpoint];
  if (!device || !decide) throw new Error("no such device or endpoint");
  const report = (what: string) => reported.push(what);
  return decide(data, device, { registry, hasStationTokens, requestId: String(++requests), report });
}

beforeEach(() => {
  reported.length = 0;
});

describe("session", () => {
  test("records a repeated report once and accepts it each time", () => {
    const registry = twoOwners();
    expect(ask(registry, "session", SESSION)).toMatchObject({ code: "200", data: { accepted: true } });
    expect(ask(registry, "session", SESSION)).toMatchObject({ data: { accepted: true } });
    expect(registry.sessions()).toEqual([
      { ...FINISHED, device: "cafe-1", owner: CAFE.email, accepted: expect.any(Number) },
    ]);
    expect(reported).toEqual([]);
  });

  test("accepts a repeated report with other values, keeps the first values and reports a problem", () => {
    const registry = twoOwners();
    ask(registry, "session", SESSION);
    expect(ask(registry, "session", { ...SESSION, endWh: 99 })).toMatchObject({ data: { accepted: true } });
    const [recorded] = registry.sessions();
    expect(recorded).toMatchObject({ endWh: 60, isDisputed: true });
    expect(recorded && doubtsOf(recorded)).toEqual(["it was reported again with other values"]);
    expect(reported).toEqual(["session 0123456789abcdef of cafe-1: it was reported again with other values"]);
  });

  test("takes missing times from a later report, and no other values", () => {
    const registry = twoOwners();
    ask(registry, "session", SESSION);
    ask(registry, "session", { ...SESSION, end: START + 60 });
    ask(registry, "session", { ...SESSION, start: START, end: START + 60 });
    ask(registry, "session", SESSION);
    expect(registry.sessions()).toMatchObject([{ start: START, end: START + 60 }]);
    expect(reported).toEqual([]);
    ask(registry, "session", { ...SESSION, start: START + 10, end: START + 60 });
    expect(registry.sessions()).toMatchObject([{ start: START, isDisputed: true }]);
  });

  test.each([
    [{ startWh: 500, endWh: 10 }, "the meter ran backwards, from 500 to 10 Wh"],
    [{ start: START, end: START - 1 }, "the end is before the start"],
    [{ endWh: 50_000 }, "50.0 kWh are too much for 60 s: a station delivers at most 1.4 kWh in this time"],
    [
      { seconds: 7200, startWh: 500, endWh: 500 },
      "no energy in 120 min: the vehicle did not draw any, or the meter does not count",
    ],
    [{ start: 1000, end: START }, "the start is in 1970: the station's clock was not set"],
    [{ meterFault: "meter-silent" }, "the meter did not answer at times, so that energy may be missing"],
  ])("accepts an implausible session (%j) and reports a problem", (fields, doubt) => {
    const registry = twoOwners();
    expect(ask(registry, "session", { ...SESSION, ...fields })).toMatchObject({ data: { accepted: true } });
    const [recorded] = registry.sessions();
    expect(recorded && doubtsOf(recorded)).toEqual([doubt]);
    expect(reported).toEqual([`session 0123456789abcdef of cafe-1: ${doubt}`]);
  });

  test("keeps signed data, and accepts a session whose signed data is too long", () => {
    const registry = twoOwners();
    const [signed, id] = ["OCMF|{}|{}", "0123456789abcde0"];
    expect(ask(registry, "session", { ...SESSION, signed })).toMatchObject({ data: { accepted: true } });
    expect(ask(registry, "session", { ...SESSION, id, signed: "x".repeat(4097) })).toMatchObject({
      data: { accepted: true },
    });
    expect(registry.sessions().map((one) => one.signed)).toEqual([undefined, signed]);
    expect(reported).toEqual([
      `session ${id} of cafe-1: its signed data was not kept: it is no text of 1-4096 characters`,
    ]);
  });

  /** Reports sessions with new ids, and returns the codes of the answers. */
  function reportMany(registry: Registry, count: number, from = 0, id = "cafe-1"): string[] {
    const idOf = (number: number) => number.toString(16).padStart(16, "0");
    return Array.from(
      { length: count },
      (_, i) => ask(registry, "session", { ...SESSION, id: idOf(from + i) }, id).code,
    );
  }

  test("accepts the 64 stored sessions of a station after an outage, whatever it has reported on that day", () => {
    const registry = twoOwners();
    expect(new Set([...reportMany(registry, 136), ...reportMany(registry, 64, 136)])).toEqual(
      new Set(["200"]),
    );
    expect(registry.sessionCount).toBe(200);
    expect(reported).toEqual([]);
  });

  test("reports a problem once when a station has more than 200 sessions in a day", () => {
    const registry = twoOwners();
    reportMany(registry, 300);
    expect(registry.sessionCount).toBe(300);
    expect(reported).toEqual(["cafe-1 has reported more than 200 sessions in a day; check it"]);
  });

  test("refuses more than 1000 new sessions of a station in a day with 429, and accepts them the day after", () => {
    let now = 0;
    const registry = twoOwners({ now: () => now });
    reportMany(registry, 1000);
    expect(reportMany(registry, 2, 1000)).toEqual(["429", "429"]);
    expect(reportMany(registry, 1, 999)).toEqual(["200"]);
    expect(reportMany(registry, 1, 1000, "cafe-2")).toEqual(["200"]);
    now = 24 * 60 * 60_000;
    expect(reportMany(registry, 2, 1000)).toEqual(["200", "200"]);
  });

  test.each(METHODS)("accepts a session with the method %s", (method) => {
    expect(ask(twoOwners(), "session", { ...SESSION, method })).toMatchObject({ data: { accepted: true } });
  });

  test("records sessions of two devices with the same id separately", () => {
    const registry = twoOwners();
    ask(registry, "session", SESSION);
    ask(registry, "session", SESSION, "cafe-2");
    expect(registry.sessions()).toHaveLength(2);
  });

  test.each([
    {},
    { ...SESSION, id: "x" },
    { ...SESSION, method: "magic" },
    { ...SESSION, tag: "TAG-0001" },
    { ...SESSION, endWh: -1 },
    { ...SESSION, endWh: 1e300 },
  ])("refuses an invalid session: %#", (data) => {
    expect(ask(twoOwners(), "session", data)).toMatchObject({ status: "0", code: "400" });
  });
});

describe("local-list", () => {
  function withTags(count: number): Registry {
    const registry = twoOwners();
    for (let i = 0; i < count; i++) registry.putTag({ tag: `CARD-${i}`, owner: CAFE.email });
    return registry;
  }

  test("returns pages of one version, and no tags for a station that has that version", () => {
    const registry = withTags(60);
    const first = ask(registry, "local-list", { version: 0, from: 0, limit: 50 }).data;
    const second = ask(registry, "local-list", { version: 0, from: 50, limit: 50 }).data;
    expect(first).toMatchObject({ total: 60, tags: { length: 50 } });
    expect(second).toMatchObject({ version: first.version, total: 60, tags: { length: 10 } });
    expect(ask(registry, "local-list", { version: first.version }).data).toEqual({ version: first.version });
  });

  test("returns the hashes of the tags that the station accepts", () => {
    const registry = withTags(1);
    registry.putTag({ tag: "BLOCKED", owner: CAFE.email, blocked: true });
    registry.putTag({ tag: "ELSEWHERE", owner: CAFE.email, stations: ["cafe-2"] });
    const { tags } = ask(registry, "local-list", { version: 0 }).data;
    expect(tags).toEqual([usernameOf("CARD-0")]);
  });

  test("returns another version after a tag is blocked", () => {
    const registry = withTags(2);
    const { version } = ask(registry, "local-list", { version: 0 }).data;
    registry.putTag({ tag: "CARD-1", owner: CAFE.email, blocked: true });
    expect(ask(registry, "local-list", { version }).data).toMatchObject({ total: 1 });
  });
});

describe("authorize", () => {
  test("answers the same for another owner's tag as for an unknown one, whatever the tag is, and notes the reason", () => {
    const registry = twoOwners();
    registry.putTag({ tag: "THEIRS", owner: BAR.email, blocked: true });
    registry.putTag({ tag: "ka5tqgx2m7bd4wzn", owner: BAR.email, accepts: "proof" });
    const unknown = ask(registry, "authorize", { tag: "NOTHING", method: "ble" });
    expect(unknown.data).toEqual({ authorized: false, reason: "unknown-tag" });
    const proof = { proof: "p".repeat(22), nonce: "0".repeat(32) };
    for (const request of [{ tag: "THEIRS" }, { tag: "ka5tqgx2m7bd4wzn" }, { tag: "THEIRS", ...proof }]) {
      const answer = ask(registry, "authorize", { ...request, method: "ble" });
      expect(answer).toEqual({ ...unknown, note: "wrong-owner" });
    }
  });
});

describe("create-tag", () => {
  test("adds a tag of the station's owner and does not change an existing one", () => {
    const registry = twoOwners();
    expect(ask(registry, "create-tag", { tag: "62E3086CED" }).data).toEqual({ tagId: "62E3086CED" });
    registry.putTag({ tag: "62E3086CED", owner: CAFE.email, blocked: true });
    ask(registry, "create-tag", { tag: "62E3086CED" });
    expect(registry.tag("62E3086CED")).toMatchObject({ owner: CAFE.email, blocked: true });
  });

  test("refuses a card when its owner has 5000, and leaves other owners alone", () => {
    const registry = twoOwners();
    registry.putTags(Array.from({ length: 5000 }, (_, i) => ({ tag: `CARD-${i}`, owner: CAFE.email })));
    registry.addDevice({ id: "bar-1", owner: BAR.email });
    expect(ask(registry, "create-tag", { tag: "ONE-MORE" }).code).toBe("403");
    expect(ask(registry, "create-tag", { tag: "CARD-7" }).code).toBe("200");
    expect(ask(registry, "create-tag", { tag: "ONE-MORE" }, "bar-1").code).toBe("200");
  });

  test("refuses another owner's tag like any other, and reports the reason to the operator only", () => {
    const registry = twoOwners();
    registry.putTag({ tag: "THEIRS", owner: BAR.email });
    const data = { message: "the card cannot be added" };
    const refusal = { status: "0", code: "403", data };
    expect(ask(registry, "create-tag", { tag: "THEIRS" })).toEqual({ ...refusal, note: "wrong-owner" });
    registry.putTags(Array.from({ length: 5000 }, (_, i) => ({ tag: `CARD-${i}`, owner: CAFE.email })));
    const full = ask(registry, "create-tag", { tag: "ONE-MORE" });
    expect(full).toEqual({ ...refusal, note: "the owner has too many cards" });
  });

  test("adds no tags of an owner for a day after its stations tried 5 of other owners, and reports it once", () => {
    let now = 0;
    const registry = twoOwners({ now: () => now });
    registry.putTag({ tag: "OWN-1", owner: CAFE.email });
    for (let i = 0; i < 6; i++) registry.putTag({ tag: `THEIRS-${i}`, owner: BAR.email });
    for (let i = 0; i < 4; i++) ask(registry, "create-tag", { tag: `THEIRS-${i}` });
    expect(ask(registry, "create-tag", { tag: "NEW-1" }).code).toBe("200");
    expect(reported).toEqual([]);
    const codes = ["THEIRS-4", "THEIRS-5", "NEW-2", "OWN-1"].map(
      (tag) => ask(registry, "create-tag", { tag }, "cafe-2").code,
    );
    expect(codes).toEqual(["403", "403", "403", "200"]);
    expect(reported).toEqual([
      "create-tag of cafe-2: owner@cafe.example has tried several cards of other owners; it adds none for a day",
    ]);
    now = 24 * 60 * 60_000;
    expect(ask(registry, "create-tag", { tag: "NEW-2" }).code).toBe("200");
  });

  test("refuses an invalid tag and an invalid label", () => {
    const registry = twoOwners();
    expect(ask(registry, "create-tag", { tag: "a b" }).code).toBe("400");
    expect(ask(registry, "create-tag", { tag: "GOOD", label: "two\nlines" }).code).toBe("400");
  });
});

describe("change-owner", () => {
  const { email } = BAR;
  const password = (text: unknown) => Buffer.from(String(text));
  let now: number;

  beforeEach(() => {
    now = 0;
  });

  /** Builds a registry with two owners. The second one accepts a station. */
  function accepting({ device = "cafe-1" }: { readonly device?: string } = {}): Registry {
    const registry = twoOwners({ now: () => now });
    registry.acceptTransfer({ owner: BAR.email, device });
    return registry;
  }

  test("returns an account with the new owner, who owns the device once it connects with that account", () => {
    const registry = accepting();
    const user = registry.user(email) ?? CAFE;
    const answer = ask(registry, "change-owner", { owner: email }).data;
    expect(answer).toEqual({ user: usernameOf(email), token: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(registry.device("cafe-1")?.owner).toBe(CAFE.email);
    expect(registry.isAccount("cafe-1", { user: CAFE, password: password(CAFE.token) })).toBe(true);
    expect(registry.completeTransfer("cafe-1", "nobody")).toBeUndefined();
    expect(registry.completeTransfer("cafe-1", usernameOf(email))).toMatchObject({ owner: email });
    expect(registry.device("cafe-1")?.owner).toBe(email);
    expect(registry.isAccount("cafe-1", { user, password: password(answer.token) })).toBe(true);
    expect(registry.isAccount("cafe-1", { user: CAFE, password: password(CAFE.token) })).toBe(false);
    expect(registry.completeTransfer("cafe-2", usernameOf(email))).toBeUndefined();
  });

  test("gives an offered station no access with the new owner's token until it is the new owner's", () => {
    const registry = accepting();
    const user = registry.user(email) ?? CAFE;
    const { token } = ask(registry, "change-owner", { owner: email }).data;
    expect(registry.isAccount("cafe-1", { user, password: password(BAR.token) })).toBe(false);
    expect(registry.isAccount("cafe-1", { user, password: password(token) })).toBe(true);
    registry.completeTransfer("cafe-1", usernameOf(email));
    expect(registry.isAccount("cafe-1", { user, password: password(BAR.token) })).toBe(true);
  });

  test("returns a token that is valid only for this station", () => {
    const registry = accepting();
    registry.addDevice({ id: "bar-1", owner: email });
    const user = registry.user(email) ?? CAFE;
    const { token } = ask(registry, "change-owner", { owner: email }).data;
    expect(registry.isAccount("cafe-1", { user, password: password(token) })).toBe(true);
    for (const id of ["bar-1", "cafe-2", "nothing"]) {
      expect(registry.isAccount(id, { user, password: password(token) })).toBe(false);
    }
  });

  test("returns the new owner's token when the broker supports no tokens of stations", () => {
    const answer = ask(accepting(), "change-owner", { owner: email }, "cafe-1", false).data;
    expect(answer).toEqual({ user: usernameOf(email), token: BAR.token });
  });

  test("does not return the new owner's token to a station with an account of its own", () => {
    const registry = accepting({ device: "cafe-3" });
    registry.addDevice({ id: "cafe-3", owner: CAFE.email, password: "own" });
    registry.acceptTransfer({ owner: email, device: "cafe-3" });
    const { token } = ask(registry, "change-owner", { owner: email }, "cafe-3", false).data;
    expect(token).not.toBe(BAR.token);
    registry.completeTransfer("cafe-3", usernameOf(email));
    expect(registry.device("cafe-3")).toMatchObject({ owner: email, password: "own" });
  });

  test("makes an offer that expires after 10 minutes", () => {
    const registry = accepting();
    ask(registry, "change-owner", { owner: email });
    now = 599_000;
    expect(registry.offeredTo("cafe-1")).toMatchObject({ email });
    now = 600_000;
    expect(registry.offeredTo("cafe-1")).toBeUndefined();
    expect(registry.completeTransfer("cafe-1", usernameOf(email))).toBeUndefined();
  });

  test("refuses an owner who has not accepted the station in the same way as an unknown e-mail", () => {
    const registry = accepting({ device: "cafe-2" });
    const refused = ask(registry, "change-owner", { owner: email });
    expect(refused).toMatchObject({ status: "0", code: "403" });
    expect(ask(registry, "change-owner", { owner: "nobody@example.org" })).toEqual(refused);
    expect(registry.offeredTo("cafe-1")).toBeUndefined();
    expect(ask(registry, "change-owner", { owner: email }, "cafe-2").code).toBe("200");
  });

  test("allows the named station within an hour of the acceptance, also repeatedly, and no other station", () => {
    const registry = accepting();
    now = 3_599_000;
    expect(ask(registry, "change-owner", { owner: email }).code).toBe("200");
    expect(ask(registry, "change-owner", { owner: email }).code).toBe("200");
    expect(ask(registry, "change-owner", { owner: email }, "cafe-2").code).toBe("403");
    now = 3_600_000;
    expect(ask(registry, "change-owner", { owner: email }).code).toBe("403");
    expect(registry.acceptances).toEqual([]);
  });

  test("ends the acceptance when the transfer is complete", () => {
    const registry = accepting();
    ask(registry, "change-owner", { owner: email });
    registry.completeTransfer("cafe-1", usernameOf(email));
    expect(registry.acceptances).toEqual([]);
    expect(ask(registry, "change-owner", { owner: email }, "cafe-2").code).toBe("403");
  });

  test("is refused after the acceptance is withdrawn, which also withdraws the offer", () => {
    const registry = accepting();
    ask(registry, "change-owner", { owner: email });
    registry.withdrawAcceptance(email);
    expect(registry.completeTransfer("cafe-1", usernameOf(email))).toBeUndefined();
    expect(ask(registry, "change-owner", { owner: email }).code).toBe("403");
  });

  test("gives cards of a station no access to an owner who has not accepted the station", () => {
    const registry = twoOwners();
    registry.addDevice({ id: "bar-1", owner: email });
    const { data } = ask(registry, "change-owner", { owner: email });
    registry.completeTransfer("cafe-1", String(data.user ?? usernameOf(email)));
    ask(registry, "create-tag", { tag: "MALLORY-1" });
    const answer = ask(registry, "authorize", { tag: "MALLORY-1", method: "rfid" }, "bar-1");
    expect(answer.data).toEqual({ authorized: false, reason: "unknown-tag" });
  });

  test("a transfer cannot be accepted for an unknown user", () => {
    expect(() => twoOwners().acceptTransfer({ owner: "nobody@example.org", device: "cafe-1" })).toThrow(
      "is not a user",
    );
  });
});
