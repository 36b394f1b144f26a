import { beforeEach, describe, expect, test } from "@jest/globals";
import { ENDPOINTS } from "./endpoints.js";
import { METHODS } from "./methods.js";
import { doubtsOf, Registry, usernameOf } from "./registry.js";

const OWNER = { email: "owner@cafe.example", token: "t" };
const SESSION = {
  id: "0123456789abcdef",
  connector: 1,
  tag: "ab".repeat(32),
  tagEnd: "0001",
  method: "ble",
  start: null,
  end: null,
  seconds: 60,
  startWh: 0,
  endWh: 60,
  why: "unplugged",
};

const reported: string[] = [];

function ask(registry: Registry, endpoint: string, data: unknown, id = "cafe-1", hasStationTokens = true) {
  const device = registry.device(id);
  const decide = ENDPOINTS[endpoint];
  if (!device || !decide) throw new Error("no such device or endpoint");
  return decide(data, device, { registry, hasStationTokens, report: (what) => reported.push(what) });
}

function withoutConnector({ connector: _, ...session }: typeof SESSION) {
  return session;
}

function cafe(): Registry {
  const registry = new Registry({ users: [OWNER], devices: [], tags: [] });
  registry.addDevice({ id: "cafe-1", owner: OWNER.email });
  registry.addDevice({ id: "cafe-2", owner: OWNER.email });
  return registry;
}

beforeEach(() => {
  reported.length = 0;
});

describe("session", () => {
  test("is accepted as often as it comes, and is one session", () => {
    const registry = cafe();
    expect(ask(registry, "session", SESSION)).toMatchObject({ code: "200", data: { accepted: true } });
    expect(ask(registry, "session", SESSION)).toMatchObject({ data: { accepted: true } });
    expect(registry.sessions()).toEqual([
      { ...withoutConnector(SESSION), device: "cafe-1", owner: OWNER.email, accepted: expect.any(Number) },
    ]);
    expect(reported).toEqual([]);
  });

  test("that comes again with other values is accepted, stands as it came first, and a person is told", () => {
    const registry = cafe();
    ask(registry, "session", SESSION);
    expect(ask(registry, "session", { ...SESSION, endWh: 99 })).toMatchObject({ data: { accepted: true } });
    const [kept] = registry.sessions();
    expect(kept).toMatchObject({ endWh: 60, isDisputed: true });
    expect(kept && doubtsOf(kept)).toEqual(["it came again with other values"]);
    expect(reported).toEqual(["session 0123456789abcdef of cafe-1: it came again with other values"]);
  });

  test("gets the times that were not known when it came first, and only those", () => {
    const registry = cafe();
    ask(registry, "session", SESSION);
    ask(registry, "session", { ...SESSION, end: 1060 });
    ask(registry, "session", { ...SESSION, start: 1000, end: 1060 });
    ask(registry, "session", SESSION);
    expect(registry.sessions()).toMatchObject([{ start: 1000, end: 1060 }]);
    expect(reported).toEqual([]);
    ask(registry, "session", { ...SESSION, start: 2000, end: 1060 });
    expect(registry.sessions()).toMatchObject([{ start: 1000, isDisputed: true }]);
  });

  test.each([
    [{ startWh: 500, endWh: 10 }, "the meter ran backwards, from 500 to 10 Wh"],
    [{ start: 2000, end: 1000 }, "it ends before it starts"],
  ])(
    "that runs backwards (%j) is accepted, so that it comes no more, and a person is told",
    (fields, doubt) => {
      const registry = cafe();
      expect(ask(registry, "session", { ...SESSION, ...fields })).toMatchObject({ data: { accepted: true } });
      const [kept] = registry.sessions();
      expect(kept && doubtsOf(kept)).toEqual([doubt]);
      expect(reported).toEqual([`session 0123456789abcdef of cafe-1: ${doubt}`]);
    },
  );

  test.each(METHODS)("that began by %s is accepted", (method) => {
    expect(ask(cafe(), "session", { ...SESSION, method })).toMatchObject({ data: { accepted: true } });
  });

  test("of two devices are two, whatever their ids", () => {
    const registry = cafe();
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
  ])("that is none is refused: %#", (data) => {
    expect(ask(cafe(), "session", data)).toMatchObject({ status: "0", code: "400" });
  });
});

describe("local-list", () => {
  function withTags(count: number): Registry {
    const registry = cafe();
    for (let i = 0; i < count; i++) registry.putTag({ tag: `CARD-${i}`, owner: OWNER.email });
    return registry;
  }

  test("comes in pages, under one version, and not again", () => {
    const registry = withTags(60);
    const first = ask(registry, "local-list", { version: 0, from: 0, limit: 50 }).data;
    const second = ask(registry, "local-list", { version: 0, from: 50, limit: 50 }).data;
    expect(first).toMatchObject({ total: 60, tags: { length: 50 } });
    expect(second).toMatchObject({ version: first.version, total: 60, tags: { length: 10 } });
    expect(ask(registry, "local-list", { version: first.version }).data).toEqual({ version: first.version });
  });

  test("has the tags that are good at this station, as hashes", () => {
    const registry = withTags(1);
    registry.putTag({ tag: "BLOCKED", owner: OWNER.email, blocked: true });
    registry.putTag({ tag: "ELSEWHERE", owner: OWNER.email, stations: ["cafe-2"] });
    const { tags } = ask(registry, "local-list", { version: 0 }).data;
    expect(tags).toEqual([usernameOf("CARD-0")]);
  });

  test("has another version when a tag is blocked", () => {
    const registry = withTags(2);
    const { version } = ask(registry, "local-list", { version: 0 }).data;
    registry.putTag({ tag: "CARD-1", owner: OWNER.email, blocked: true });
    expect(ask(registry, "local-list", { version }).data).toMatchObject({ total: 1 });
  });
});

describe("create-tag", () => {
  test("makes a tag of the station's owner, and leaves one that is there as it is", () => {
    const registry = cafe();
    expect(ask(registry, "create-tag", { tag: "62E3086CED" }).data).toEqual({ tagId: "62E3086CED" });
    registry.putTag({ tag: "62E3086CED", owner: OWNER.email, blocked: true });
    ask(registry, "create-tag", { tag: "62E3086CED" });
    expect(registry.tag("62E3086CED")).toMatchObject({ owner: OWNER.email, blocked: true });
  });

  test("refuses another owner's tag, and what is none", () => {
    const registry = cafe();
    registry.addUser({ email: "other@example.org", token: "o" });
    registry.putTag({ tag: "THEIRS", owner: "other@example.org" });
    expect(ask(registry, "create-tag", { tag: "THEIRS" }).code).toBe("409");
    expect(ask(registry, "create-tag", { tag: "a b" }).code).toBe("400");
    expect(ask(registry, "create-tag", { tag: "GOOD", label: "two\nlines" }).code).toBe("400");
  });
});

describe("change-owner", () => {
  const email = "other@example.org";
  const password = (text: unknown) => Buffer.from(String(text));
  let now: number;

  beforeEach(() => {
    now = 0;
  });

  /** Two owners, of whom the other one expects a station, or does not. */
  function twoOwners(expected?: { readonly device?: string }): Registry {
    const data = { users: [OWNER, { email, token: "o" }], devices: [], tags: [] };
    const registry = new Registry(data, { now: () => now });
    for (const id of ["cafe-1", "cafe-2"]) registry.addDevice({ id, owner: OWNER.email });
    if (expected) registry.expectDevice({ owner: email, ...expected });
    return registry;
  }

  test("gives an account with the new owner, and the device is theirs once it comes as such", () => {
    const registry = twoOwners({ device: "cafe-1" });
    const user = registry.user(email) ?? OWNER;
    const answer = ask(registry, "change-owner", { owner: email }).data;
    expect(answer).toEqual({ user: usernameOf(email), token: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(registry.device("cafe-1")?.owner).toBe(OWNER.email);
    expect(registry.isAccount("cafe-1", { user: OWNER, password: password(OWNER.token) })).toBe(true);
    expect(registry.takeOffer("cafe-1", "nobody")).toBeUndefined();
    expect(registry.takeOffer("cafe-1", usernameOf(email))).toMatchObject({ owner: email });
    expect(registry.device("cafe-1")?.owner).toBe(email);
    expect(registry.isAccount("cafe-1", { user, password: password(answer.token) })).toBe(true);
    expect(registry.isAccount("cafe-1", { user: OWNER, password: password(OWNER.token) })).toBe(false);
    expect(registry.takeOffer("cafe-2", usernameOf(email))).toBeUndefined();
  });

  test("gives nobody the new owner's own token, and a token that is good for that one station", () => {
    const registry = twoOwners({});
    registry.addDevice({ id: "bar-1", owner: email });
    const user = registry.user(email) ?? OWNER;
    const { token } = ask(registry, "change-owner", { owner: email }).data;
    expect(registry.isAccount("cafe-1", { user, password: password(token) })).toBe(true);
    for (const id of ["bar-1", "cafe-2", "nothing"]) {
      expect(registry.isAccount(id, { user, password: password(token) })).toBe(false);
    }
  });

  test("gives the new owner's token where the broker knows no other", () => {
    const answer = ask(twoOwners({}), "change-owner", { owner: email }, "cafe-1", false).data;
    expect(answer).toEqual({ user: usernameOf(email), token: "o" });
  });

  test("is offered for 10 minutes, not for ever", () => {
    const registry = twoOwners({});
    ask(registry, "change-owner", { owner: email });
    now = 599_000;
    expect(registry.offeredTo("cafe-1")).toMatchObject({ email });
    now = 600_000;
    expect(registry.offeredTo("cafe-1")).toBeUndefined();
    expect(registry.takeOffer("cafe-1", usernameOf(email))).toBeUndefined();
  });

  test("is refused where nobody expects the station, and says no more of a user than of a stranger", () => {
    const registry = twoOwners({ device: "cafe-2" });
    const refused = ask(registry, "change-owner", { owner: email });
    expect(refused).toMatchObject({ status: "0", code: "403" });
    expect(ask(registry, "change-owner", { owner: "nobody@example.org" })).toEqual(refused);
    expect(registry.offeredTo("cafe-1")).toBeUndefined();
    expect(ask(registry, "change-owner", { owner: email }, "cafe-2").code).toBe("200");
  });

  test("lets a station in for an hour, and one: whichever asks first may ask again, and no other", () => {
    const registry = twoOwners({});
    now = 3_599_000;
    expect(ask(registry, "change-owner", { owner: email }).code).toBe("200");
    expect(ask(registry, "change-owner", { owner: email }).code).toBe("200");
    expect(ask(registry, "change-owner", { owner: email }, "cafe-2").code).toBe("403");
    now = 3_600_000;
    expect(ask(registry, "change-owner", { owner: email }).code).toBe("403");
    expect(registry.consents).toEqual([]);
  });

  test("is over with the consent once the station has come", () => {
    const registry = twoOwners({});
    ask(registry, "change-owner", { owner: email });
    registry.takeOffer("cafe-1", usernameOf(email));
    expect(registry.consents).toEqual([]);
    expect(ask(registry, "change-owner", { owner: email }, "cafe-2").code).toBe("403");
  });

  test("is refused after the consent was withdrawn, and what was offered is not any more", () => {
    const registry = twoOwners({});
    ask(registry, "change-owner", { owner: email });
    registry.expectNothing(email);
    expect(registry.takeOffer("cafe-1", usernameOf(email))).toBeUndefined();
    expect(ask(registry, "change-owner", { owner: email }).code).toBe("403");
  });

  test("makes nobody's cards good at the stations of who did not agree", () => {
    const registry = twoOwners();
    registry.addDevice({ id: "bar-1", owner: email });
    const { data } = ask(registry, "change-owner", { owner: email });
    registry.takeOffer("cafe-1", String(data.user ?? usernameOf(email)));
    ask(registry, "create-tag", { tag: "MALLORY-1" });
    const answer = ask(registry, "authorize", { tag: "MALLORY-1", method: "rfid" }, "bar-1");
    expect(answer.data).toEqual({ authorized: false, reason: "wrong-owner" });
  });

  test("nobody can be expected by who is no user", () => {
    expect(() => twoOwners().expectDevice({ owner: "nobody@example.org" })).toThrow("is no user");
  });
});
