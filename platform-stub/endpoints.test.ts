import { describe, expect, test } from "@jest/globals";
import { ENDPOINTS } from "./endpoints.js";
import { Registry, usernameOf } from "./registry.js";

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

function ask(registry: Registry, endpoint: string, data: unknown, id = "cafe-1", hasStationTokens = true) {
  const device = registry.device(id);
  const decide = ENDPOINTS[endpoint];
  if (!device || !decide) throw new Error("no such device or endpoint");
  return decide(data, device, { registry, hasStationTokens });
}

function cafe(): Registry {
  const registry = new Registry({ users: [OWNER], devices: [], tags: [] });
  registry.addDevice({ id: "cafe-1", owner: OWNER.email });
  registry.addDevice({ id: "cafe-2", owner: OWNER.email });
  return registry;
}

describe("session", () => {
  test("is accepted as often as it comes, and is one session", () => {
    const registry = cafe();
    expect(ask(registry, "session", SESSION)).toMatchObject({ code: "200", data: { accepted: true } });
    expect(ask(registry, "session", { ...SESSION, endWh: 99 })).toMatchObject({ data: { accepted: true } });
    expect(registry.sessions()).toMatchObject([{ device: "cafe-1", owner: OWNER.email, endWh: 60 }]);
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

  test("gives an account with the new owner, and the device is theirs once it comes as such", () => {
    const registry = cafe();
    registry.addUser({ email, token: "o" });
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
    const registry = cafe();
    registry.addUser({ email, token: "o" });
    registry.addDevice({ id: "bar-1", owner: email });
    const user = registry.user(email) ?? OWNER;
    const { token } = ask(registry, "change-owner", { owner: email }).data;
    expect(registry.isAccount("cafe-1", { user, password: password(token) })).toBe(true);
    for (const id of ["bar-1", "cafe-2", "nothing"]) {
      expect(registry.isAccount(id, { user, password: password(token) })).toBe(false);
    }
  });

  test("gives the new owner's token where the broker knows no other", () => {
    const registry = cafe();
    registry.addUser({ email, token: "o" });
    const answer = ask(registry, "change-owner", { owner: email }, "cafe-1", false).data;
    expect(answer).toEqual({ user: usernameOf(email), token: "o" });
  });

  test("is offered for 10 minutes, not for ever", () => {
    let now = 0;
    const data = { users: [OWNER, { email, token: "o" }], devices: [], tags: [] };
    const registry = new Registry(data, { now: () => now });
    registry.addDevice({ id: "cafe-1", owner: OWNER.email });
    ask(registry, "change-owner", { owner: email });
    now = 599_000;
    expect(registry.offeredTo("cafe-1")).toMatchObject({ email });
    now = 600_000;
    expect(registry.offeredTo("cafe-1")).toBeUndefined();
    expect(registry.takeOffer("cafe-1", usernameOf(email))).toBeUndefined();
  });

  test("knows no stranger", () => {
    expect(ask(cafe(), "change-owner", { owner: "nobody@example.org" }).code).toBe("404");
  });
});
